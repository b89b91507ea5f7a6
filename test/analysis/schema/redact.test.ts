import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeChunk, readChunk } from '../../../analysis/schema/arrow.ts'
import { experimentKey } from '../../../analysis/schema/key.ts'
import { isPlainVariable } from '../../../analysis/schema/plain-variables.ts'
import { createRedactor, secretsIn } from '../../../analysis/schema/redact.ts'
import { redactChunk, sameChunkButForSite } from '../../../analysis/schema/redact-chunk.ts'
import {
  redactExperiment,
  redactRunFile,
  runRedactor,
} from '../../../analysis/schema/redact-run.ts'
import { isRedacted, sameButForSite, siteHide } from '../../../analysis/schema/redacted.ts'
import { isSecretName } from '../../../analysis/schema/secret-name.ts'

const hide = siteHide(() => 'the secret of one site')
const other = siteHide(() => 'the secret of another')
const redactor = createRedactor(hide)
const K = 'Canary7f3aQ'
const R = hide(K)

describe('what stands for a value', () => {
  it('is the same for the same value, and of 16 digits', () => {
    expect(R).toMatch(/^redacted:[0-9a-f]{16}$/)
    expect(hide(K)).toBe(R)
    expect(isRedacted(R)).toBe(true)
  })

  it('differs for different values, and between sites', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(hide(a) === hide(b)).toBe(a === b)
        expect(hide(a)).not.toBe(other(a))
      }),
    )
  })

  it('is compared between two sites as far as that can be', () => {
    expect(sameButForSite(`a ${hide('x')} b`, `a ${other('x')} b`)).toBe(true)
    expect(sameButForSite(`a ${hide('x')} b`, `a ${hide('y')} b`)).toBe(false)
    expect(sameButForSite(`a ${hide('x')} b`, `a ${other('x')} c`)).toBe(false)
  })
})

describe('names', () => {
  it.each([
    ...[
      'api_key',
      '--api-key',
      'X-Api-Key',
      'apiKey',
      'HF_TOKEN',
      'hf-token',
      'token',
      'dbPassword',
    ],
    ...[
      'Authorization',
      'client_secret',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_ACCESS_KEY_ID',
      'DB_PASS',
      'HF_TOKEN_2',
      'secret_id',
    ],
  ])('%s is that of a secret', (name) => expect(isSecretName(name)).toBe(true))

  it.each([
    ...['api_key_env', 'password_env', 'tokenizer', 'max_tokens', 'input_tokens', 'pad_token'],
    ...['TOKENIZERS_PARALLELISM', 'token_source', 'key', 'author', '--enable-auth', 'bypass'],
    ...[
      'ssl_key_file',
      'energy_per_output_token',
      'prefix',
      'passes',
      'pad_token_id',
      'client_id',
      '__proto__',
      '',
    ],
  ])('%s is not', (name) => expect(isSecretName(name)).toBe(false))
})

describe('texts', () => {
  it.each([
    [`vllm serve m --api-key ${K} --port 1`, `vllm serve m --api-key ${R} --port 1`],
    [`--api-key=${K}`, `--api-key=${R}`],
    [`HF_TOKEN=${K} python x.py`, `HF_TOKEN=${R} python x.py`],
    [`export TOKEN="${K}"; run`, `export TOKEN="${R}"; run`],
    [`GET http://u:${K}@h:1/p?a=1`, `GET http://${hide(`u:${K}`)}@h:1/p?a=1`],
    [`https://${K}@github.com/x`, `https://${R}@github.com/x`],
    [`http://h/p?model=m&api_key=${K}&b=2`, `http://h/p?model=m&api_key=${R}&b=2`],
    [`http://h/p?key=${K}`, `http://h/p?key=${R}`],
    [`Authorization: Bearer ${K}`, `Authorization: Bearer ${R}`],
    [`sent Bearer ${K} twice`, `sent Bearer ${R} twice`],
    [`{"api_key": "${K}", "n": 1}`, `{"api_key": "${R}", "n": 1}`],
    [`args: {'api_key': ['${K}'], 'port': 1}`, `args: {'api_key': ['${R}'], 'port': 1}`],
    [`Incorrect API key provided: sk-${K}.`, `Incorrect API key provided: ${hide(`sk-${K}`)}.`],
    ['wrote hf_AbCdEfGh12 there', `wrote ${hide('hf_AbCdEfGh12')} there`],
    ['AKIAIOSFODNN7EXAMPLE', hide('AKIAIOSFODNN7EXAMPLE')],
    ['glpat-abcdefgh_1234', hide('glpat-abcdefgh_1234')],
    ['xoxb-123456789-abc', hide('xoxb-123456789-abc')],
  ])('%s', (before, after) => expect(redactor.text(before)).toBe(after))

  it.each([
    'http://127.0.0.1:8000/v1',
    'git clone ssh://git@host/x',
    'python -u train.py --max-tokens 128 --pad-token <pad>',
    'risk-1234567890 and desk-abcdefghijklmnop',
    'sh -c "serve --api-key $KEY --token $TOKEN"',
    'give it with --password-env BMC_PASSWORD',
    'meta-llama/Llama-3.1-8B-Instruct',
    'the token count is 12',
    'Grant it with: sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj',
  ])('%s stays', (text) => expect(redactor.text(text)).toBe(text))

  it('are looked through in time that grows with their length', () => {
    // What makes a careless pattern begin anew at each letter; each would then take minutes.
    for (const part of [
      'eyJ-',
      'a: ',
      ' ',
      'a:    ',
      '--a ',
      '://',
      'http://a',
      '-----BEGIN ',
      "'",
    ])
      expect(redactor.text(part.repeat(100_000)).length).toBeGreaterThan(0)
    expect(redactor.text(`token:${' '.repeat(200_000)}!`)).toContain('token:')
  })

  it('finds a known value in any spelling', () => {
    const value = 'a"b/c d\\é'
    expect(createRedactor(hide, ['half \ud800 a pair']).text('x')).toBe('x')
    const { text } = createRedactor(hide, [value])
    for (const spelled of [value, JSON.stringify(value), encodeURIComponent(value)])
      expect(text(`x ${spelled} y`)).toContain(hide(value))
    expect(createRedactor(hide, ['redacted', 'abcdef']).text(R)).toBe(R)
  })
})

describe('configurations', () => {
  const experiment = (env: Record<string, string>) => ({
    model: { id: 'm', path: null },
    engine: {
      name: 'openai',
      launcher: 'command',
      command: ['vllm', 'serve', 'm', '--api-key', K, 'second-key', '--header', `X-K: ${K}`],
      env,
      api_key_env: 'OPENAI_API_KEY',
      options: { temperature: 0, api_key: K, extra_headers: { 'X-Anything': K, Accept: 'a/b' } },
    },
    sensors: { meters: [{ url: `https://u:${K}@bmc`, password_env: 'P' }] },
    tags: { token: 'mine' },
  })

  it('are redacted in every place where a key may stand', () => {
    const redacted = redactExperiment(
      experiment({ HF_TOKEN: K, CUDA_VISIBLE_DEVICES: '0' }),
      redactor,
    )
    expect(redacted).toEqual({
      model: { id: 'm', path: null },
      engine: {
        name: 'openai',
        launcher: 'command',
        command: [
          'vllm',
          'serve',
          'm',
          '--api-key',
          R,
          hide('second-key'),
          '--header',
          `X-K: ${R}`,
        ],
        env: { HF_TOKEN: R, CUDA_VISIBLE_DEVICES: '0' },
        api_key_env: 'OPENAI_API_KEY',
        options: { temperature: 0, api_key: R, extra_headers: { 'X-Anything': R, Accept: 'a/b' } },
      },
      sensors: { meters: [{ url: `https://${hide(`u:${K}`)}@bmc`, password_env: 'P' }] },
      tags: { token: 'mine' },
    })
  })

  it('redact passwords of digits, and leave counts', () => {
    expect(
      redactor.value({
        password: 1234,
        max_token: 5,
        argv: ['--password', '1234', '--token', '12'],
      }),
    ).toEqual({
      password: hide('1234'),
      max_token: 5,
      argv: ['--password', hide('1234'), '--token', '12'],
    })
  })

  const name = fc.oneof(
    fc.constantFrom(
      'CUDA_VISIBLE_DEVICES',
      'OMP_NUM_THREADS',
      'HF_TOKEN',
      'VLLM_API_KEY',
      'A',
      'LD_X',
    ),
    fc.stringMatching(/^[A-Z_]{1,12}$/),
  )
  const env = fc.dictionary(name, fc.string())

  it('redacted twice are redacted once', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = redactor.value(value)
        expect(redactor.value(once)).toEqual(once)
      }),
    )
    const word = fc.oneof(
      fc.constantFrom(
        '--api-key',
        'token=',
        'Authorization:',
        'Bearer',
        'http://',
        '@',
        '"',
        "'",
        '=',
      ),
      fc.constantFrom(' ', ':', '?key=', 'sk-A1b2C3d4E5', K, '(', ')', '{', ']', ',', '.', '\\', R),
      fc.string({ maxLength: 8 }),
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const once = redactor.text(words.join(''))
        expect(redactor.text(once)).toBe(once)
        const list = redactor.value(words)
        expect(redactor.value(list)).toEqual(list)
      }),
      { numRuns: 2_000 },
    )
  })

  it('keep plain variables and no other value', () => {
    fc.assert(
      fc.property(env, (given) => {
        const { engine } = redactExperiment(experiment(given), redactor)
        for (const [key, value] of Object.entries(given))
          if (isPlainVariable(key)) expect(engine.env[key]).toBe(redactor.text(value))
          else if (value !== '' && !isRedacted(value))
            expect(isRedacted(String(engine.env[key]))).toBe(true)
      }),
    )
  })

  it('have a key that keeps different values apart, and plain ones out as before', () => {
    const key = (given: Record<string, string>) =>
      experimentKey(redactExperiment(experiment(given), redactor))
    fc.assert(
      fc.property(fc.string({ minLength: 10 }), fc.string({ minLength: 10 }), (a, b) => {
        expect(key({ SECRET_X: a }) === key({ SECRET_X: b })).toBe(hide(a) === hide(b))
        expect(key({ OMP_NUM_THREADS: '4' })).toBe(key({}))
      }),
    )
  })
})

describe('a run', () => {
  const file = (reason: string) => ({
    bundle_version: 1,
    run: {
      run_id: 'r',
      experiment: {
        model: { id: 'org/model-a' },
        engine: {
          name: 'openai',
          env: { MODEL: 'org/model-a', MY_SETTING: K, HF_TOKEN: 'tokenvalue' },
        },
      },
      reason,
    },
    environment: { engine: { model_info: { path: '/x?token=tokenvalue' }, note: 'tokenvalue' } },
  })

  it('is redacted wherever a value of its engine is repeated', () => {
    const clear = file(`died: MY_SETTING ${K}, loading org/model-a with tokenvalue`)
    const redacted = redactRunFile(clear, runRedactor(clear.run.experiment, hide))
    expect(JSON.stringify(redacted)).not.toMatch(/Canary|tokenvalue/)
    expect(redacted.run.experiment.model.id).toBe('org/model-a')
    expect(redacted.run.reason).toBe(
      `died: MY_SETTING ${R}, loading ${hide('org/model-a')} with ${hide('tokenvalue')}`,
    )
    expect(Object.keys(redacted)).toEqual(['bundle_version', 'run', 'environment'])
    expect(redactRunFile(redacted, runRedactor(redacted.run.experiment, hide))).toBe(redacted)
  })

  it('without anything to redact is the same object, without a need of a secret', () => {
    const plain = { bundle_version: 1, run: { run_id: 'r', experiment: { engine: 'vllm' } } }
    const none = siteHide(() => {
      throw new Error('no secret is needed')
    })
    expect(redactRunFile(plain, runRedactor(plain.run.experiment, none))).toBe(plain)
  })

  it('lists the values that it hides', () => {
    expect(secretsIn({ engine: { command: ['x', '--token', K] } })).toEqual([K])
  })
})

describe('a chunk', () => {
  const rows = [
    { t_ns: 1, code: 'a', detail: JSON.stringify({ argv: ['x', '--api-key', K] }) },
    { t_ns: 2, code: 'b', detail: null },
    { t_ns: 3, code: 'c', detail: 'nothing here' },
  ]
  const bytes = encodeChunk('event', rows)
  const details = (chunk: Uint8Array) => [...(readChunk('event', chunk).getChild('detail') ?? [])]

  it('is redacted in its texts, always to the same bytes, and else keeps its own', () => {
    const once = redactChunk('event', bytes, redactor)
    expect(details(once)).toEqual([`{"argv":["x","--api-key","${R}"]}`, null, 'nothing here'])
    expect([...(readChunk('event', once).getChild('t_ns') ?? [])]).toEqual([1n, 2n, 3n])
    expect([...(readChunk('event', once).getChild('code') ?? [])]).toEqual(['a', 'b', 'c'])
    expect(redactChunk('event', bytes, redactor)).toEqual(once)
    expect(redactChunk('event', once, redactor)).toBe(once)
    const plain = encodeChunk('event', rows.slice(1))
    expect(redactChunk('event', plain, redactor)).toBe(plain)
  })

  it('is compared between two sites', () => {
    const theirs = redactChunk('event', bytes, createRedactor(other))
    const ours = redactChunk('event', bytes, redactor)
    expect(sameChunkButForSite('event', ours, theirs)).toBe(true)
    expect(sameChunkButForSite('event', ours, bytes)).toBe(false)
  })
})
