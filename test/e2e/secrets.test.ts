import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveProgram } from '../server/program.ts'
import { AGENT, type Ended, type Home, makeHome, run, SERVER } from '../support/programs.ts'
import { ROOT } from '../support/root.ts'

const canary = (place: string) => `Canary-${place}-7f3Aq9`
const KEYS = {
  api_key: canary('apikey'),
  token: canary('token'),
  setting: canary('setting'),
  hub: canary('hub'),
  user: canary('user'),
  password: canary('password'),
  argument: canary('argument'),
  address: canary('address'),
  code: canary('code'),
  set: canary('set'),
}
/** Any canary, also as the login of a header is written. */
const SOUGHT = [
  'Canary-',
  ...[`${KEYS.user}:${KEYS.password}`].map((login) => Buffer.from(login).toString('base64')),
]

let home: Home
/** The user's own files, which hold what they hold. */
let own: string
let printed = ''

async function program(which: string, ...args: string[]): Promise<Ended> {
  const ended = await run(which, args, home)
  printed += ended.stdout + ended.stderr
  return ended
}
const agent = (...args: string[]) => program(AGENT, ...args)
const server = (...args: string[]) => program(SERVER, ...args)

const study = (more: readonly string[] = []) =>
  JSON.stringify({
    name: 'careless',
    model: 'double',
    engine: {
      name: 'openai',
      launcher: 'command',
      base_url: 'http://127.0.0.1:{port}/v1',
      command: [
        ...[process.execPath, join(ROOT, 'test/support/careless-engine.mjs'), '--port', '{port}'],
        ...['--api-key', KEYS.api_key, `--token=${KEYS.token}`, ...more],
      ],
      env: { MY_SETTING: KEYS.setting, HF_TOKEN: KEYS.hub, OMP_NUM_THREADS: '3' },
      api_key_env: 'ENGINE_KEY',
      options: { api_key: KEYS.token },
    },
    load: { concurrency: 2, requests: 9 },
    data: { input_tokens: 4, output_tokens: 4 },
    phases: { baseline_s: 0, idle_s: 0, warmup: 0, cooldown_s: 0 },
    sensors: {
      meters: [
        {
          source: 'plug',
          kind: 'shelly',
          url: 'http://127.0.0.1:9',
          user_env: 'METER_USER',
          password_env: 'METER_PASSWORD',
        },
      ],
    },
  })

function* filesUnder(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* filesUnder(path)
    else if (entry.isFile()) yield path
  }
}

const holds = (bytes: Buffer): boolean => SOUGHT.some((sought) => bytes.includes(sought))
function leaks(dir: string): string[] {
  return [...filesUnder(dir)].flatMap((path) => {
    const bytes = readFileSync(path)
    const all = path.endsWith('.gz') ? [bytes, gunzipSync(bytes)] : [bytes]
    return all.some(holds) ? [relative(dir, path)] : []
  })
}
const modes = (dir: string) =>
  [...filesUnder(dir)].map((path) => `${(statSync(path).mode & 0o777).toString(8)} ${path}`)

beforeAll(() => {
  own = mkdtempSync(join(tmpdir(), 'llem-own-'))
  home = makeHome({
    // As most have it: in a file.
    LLEM_SITE_SECRET: '',
    ENGINE_KEY: KEYS.api_key,
    METER_USER: KEYS.user,
    METER_PASSWORD: KEYS.password,
  })
  writeFileSync(join(own, 'ok.json'), study())
  writeFileSync(join(own, 'dies.json'), study(['--dies-after', '4']))
})
afterAll(() => {
  home.remove()
  rmSync(own, { recursive: true, force: true })
})

describe('secrets of a run', () => {
  it('reach the engine, and nothing that is stored, sent, exported or printed', async () => {
    const shown = await agent('config', 'show', join(own, 'ok.json'), '--json')
    const { experiment_key, engine } = JSON.parse(shown.stdout)
    expect(engine.env).toEqual({
      MY_SETTING: expect.stringMatching(/^redacted:[0-9a-f]{16}$/),
      HF_TOKEN: expect.stringMatching(/^redacted:[0-9a-f]{16}$/),
      OMP_NUM_THREADS: '3',
    })
    await agent('config', 'show', join(own, 'ok.json'))
    await agent('config', 'grid', join(own, 'ok.json'), '--json')
    // What was shown can be read again, and has the same key; but it can't be run.
    const { experiment_key: _, ...again } = JSON.parse(shown.stdout)
    writeFileSync(join(own, 'again.json'), JSON.stringify(again))
    const seen = await agent('config', 'show', join(own, 'again.json'), '--json')
    expect(JSON.parse(seen.stdout)).toEqual(JSON.parse(shown.stdout))
    expect(await agent('run', join(own, 'again.json'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--set engine.env.MY_SETTING=VALUE'),
    })
    await agent('run', join(own, 'ok.json'), '--dry-run', '--json')
    // What is wrong with a configuration is reported without the value.
    const wrong = await agent(
      'run',
      join(own, 'ok.json'),
      '--set',
      `engine.env.HF_TOKEN=[${KEYS.set}]`,
    )
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('engine.env.HF_TOKEN: is (hidden)'),
    })
    await agent('run', join(own, 'ok.json'), '--set', `engine.base_url=http://u:${KEYS.set}@h/v1`)
    await agent('run', join(own, 'ok.json'), '--server', `http://u:${KEYS.set}@127.0.0.1:9`)

    const ran = await agent('run', join(own, 'ok.json'), '--out', 'out', '--json')
    const [summary] = JSON.parse(ran.stdout).runs
    // Some requests failed on purpose; that others came through shows that the real keys were used.
    expect(summary.metrics.output_throughput_tok_s.value).toBeGreaterThan(0)
    expect(summary.experiment_key).toBe(experiment_key)
    const died = await agent('run', join(own, 'dies.json'), '--out', 'died', '--json')
    expect(died.code).toBe(1)
    await agent('run', join(own, 'ok.json'), '--no-server', '--out', 'bundle')
    // It stays in the spool.
    await agent('run', join(own, 'ok.json'), '--no-server')
    await agent(
      ...['measure', '--baseline', '0', '--set', 'phases.cooldown_s=0', '--out', 'measured', '--'],
      ...['sh', '-c', `TOKEN=${KEYS.code}; exit 0`, '--api-key', KEYS.argument],
      `http://u:${KEYS.address}@h/?token=${KEYS.address}`,
    )
    expect(printed).toMatch(/died|ended by itself/)

    const run_json = JSON.parse(readFileSync(join(home.dir, 'died/run.json'), 'utf8'))
    expect(run_json.run.reason).toMatch(
      /giving up with redacted:\w+, redacted:\w+ and redacted:\w+/,
    )
    expect(readdirSync(join(home.dir, 'state/llem/spool')).length).toBe(1)
    expect(leaks(home.dir)).toEqual([])

    await server('import', 'bundle')
    await agent('ship')
    const { runs } = JSON.parse((await server('runs', '--json')).stdout)
    expect(runs).toHaveLength(5)
    for (const format of [
      'bundle',
      'csv',
      'parquet',
      'arrow',
      'json',
      'mlenergy',
      'submission',
      'codecarbon',
    ])
      await server(
        'export',
        summary.run_id,
        '--format',
        format,
        '--out',
        `export-${format}`,
        ...(format === 'codecarbon' ? ['--zone', 'DE'] : []),
      )
    await server('export', '--format', 'bundle', '--out', 'all.tar.gz')
    await server('backup', 'backup.db')
    for (const { run_id } of runs) {
      await server('report', run_id, '--out', `reports/${run_id}.html`)
      await server('show', run_id, '--json')
      await server('show', run_id)
      await server('show', run_id, '--requests', '--json')
    }
    await server('check')
    expect(leaks(home.dir)).toEqual([])
    expect(SOUGHT.filter((sought) => printed.includes(sought))).toEqual([])

    const loose = modes(home.dir).filter((line) => !line.startsWith('600'))
    expect(loose).toEqual([])
  }, 240_000)

  it('are in no response of the server, and in no line of its log', async () => {
    const serving = await serveProgram(home.db, [], {
      env: { LLEM_SITE_SECRET: '', XDG_STATE_HOME: join(home.dir, 'state') },
    })
    const found: string[] = []
    const get = async (path: string) => {
      const response = await fetch(`${serving.url}${path}`)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (holds(bytes)) found.push(path)
      return { status: response.status, bytes }
    }
    const api = async (path: string) => await get(`/api/v1${path}`)
    const { runs } = JSON.parse((await api('/runs')).bytes.toString())
    for (const { run_id, experiment_key } of runs) {
      for (const path of ['', '/summary', '/findings', '/timeline', '/requests', '/cost?zone=DE'])
        await api(`/runs/${run_id}${path}`)
      for (const stream of ['sample', 'request', 'engine', 'event'])
        for (const format of ['ndjson', 'csv', 'arrow', 'parquet'])
          await api(`/runs/${run_id}/streams/${stream}?format=${format}`)
      expect((await api(`/reports/${run_id}`)).status).toBe(200)
      await api(`/reports/${run_id}?format=vega`)
      await api(`/experiments/${experiment_key}/summary`)
      await api(`/runs?experiment_key=${experiment_key}`)
    }
    for (const path of ['/studies', '/experiments', '/leaderboard', '/totals?by=model'])
      await api(path)
    // An older agent sends in clear.
    const clear = readFileSync(join(home.dir, 'out/run.json'), 'utf8').replaceAll(
      /redacted:[0-9a-f]{16}/g,
      KEYS.setting,
    )
    const body = JSON.stringify({
      ...JSON.parse(clear),
      run: { ...JSON.parse(clear).run, run_id: 'old' },
    })
    const post = (method: string, path: string, text: string) =>
      fetch(`${serving.url}/api/v1${path}`, { method, body: text })
    expect((await post('POST', '/runs', body)).status).toBe(201)
    expect((await post('POST', '/runs', body)).status).toBe(200)
    expect((await post('PUT', '/runs/old', body.replace('"careless"', '"other"'))).status).toBe(200)
    const refused = await post(
      'POST',
      '/runs',
      body.replace('"bundle_version":1', `"bundle_version":"${KEYS.set}"`),
    )
    expect(refused.status).toBe(422)
    await api('/runs/old')
    serving.child.kill('SIGTERM')
    const ended = await serving.ended
    expect(found).toEqual([])
    expect(holds(Buffer.from(ended.stdout + ended.stderr))).toBe(false)
    expect(leaks(home.dir)).toEqual([])
  }, 120_000)
})
