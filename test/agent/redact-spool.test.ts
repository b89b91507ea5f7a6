import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRecorder } from '../../agent/recorder.ts'
import { redactSpool } from '../../agent/redact-spool.ts'
import { redactorOfRun } from '../../agent/run-secrets.ts'
import { createServerClient } from '../../agent/server-client.ts'
import { shipLeftovers } from '../../agent/ship-leftovers.ts'
import { createSpool, type Spool } from '../../agent/spool.ts'
import { encodeChunk, readChunk } from '../../analysis/schema/arrow.ts'
import { siteHide } from '../../analysis/schema/redacted.ts'
import type { RunFileInput } from '../../analysis/schema/run.ts'
import { findRun } from '../../server/store/find-run.ts'
import { served } from '../server/served.ts'

const SECRET = 'Canary-7f3Aq9Zz'
const hide = siteHide(() => 'the secret of this site')
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llem-redact-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const experiment = { engine: { name: 'openai', env: { MY_SETTING: SECRET } }, model: { id: 'm' } }
const runFile: RunFileInput = {
  bundle_version: 1,
  run: { run_id: 'r1', experiment, phases: [] },
  devices: [],
  processes: [{ process_id: 'p' }],
}
const key = { process_id: 'p', stream: 'event', seq: 0 } as const
const event = { t_ns: 1, code: 'log', detail: `with ${SECRET}` }

async function filesHolding(at: string, sought: string): Promise<string[]> {
  const entries = await readdir(at, { recursive: true, withFileTypes: true })
  const paths = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name))
  const held = await Promise.all(paths.map(async (p) => (await readFile(p)).includes(sought)))
  return paths.filter((_, i) => held[i])
}

describe('a spool', () => {
  /** As an earlier version left it. */
  async function inClear(): Promise<Spool> {
    const spool = await createSpool(dir, 'r1')
    await spool.writeRun(runFile)
    await spool.writeChunk(key, encodeChunk('event', [event]))
    const chunks = [{ process_id: 'p', stream: 'event' as const, count: 1 }]
    await spool.end({ outcome: 'failed', reason: `it said ${SECRET}`, chunks })
    return spool
  }

  it('that an earlier version left in clear is redacted, its manifest with it; twice is once', async () => {
    const spool = await inClear()
    expect(await filesHolding(dir, SECRET)).toHaveLength(3)

    expect(await redactSpool(spool, hide)).toBe(true)
    expect(await filesHolding(dir, SECRET)).toEqual([])
    expect((await spool.readSeal())?.reason).toBe(`it said ${hide(SECRET)}`)
    const details = readChunk('event', await spool.readChunk(key)).getChild('detail')
    expect([...(details ?? [])]).toEqual([`with ${hide(SECRET)}`])
    const manifest = JSON.parse(await readFile(join(spool.dir, 'manifest.json'), 'utf8'))
    for (const [name, { sha256 }] of Object.entries<{ sha256: string }>(manifest.files)) {
      const bytes = await readFile(join(spool.dir, name))
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
    }
    const before = await readFile(join(spool.dir, 'run.json'), 'utf8')
    expect(await redactSpool(spool, hide)).toBe(false)
    expect(await readFile(join(spool.dir, 'run.json'), 'utf8')).toBe(before)
  })

  it('in clear is shipped redacted, also where its server redacted a part of it before', async () => {
    const spool = await inClear()
    const server = await served()
    try {
      const client = createServerClient({ url: server.url, token: null })
      // What the earlier version had sent, which the server redacted under the secret of its own site.
      expect(await client.register(await spool.readRun())).toBe('new')
      await client.putChunk(
        'r1',
        key,
        new Uint8Array(await spool.readChunk(key)),
        await spool.sha256(key),
      )
      const said: string[] = []
      const target = { server: server.url, db: null }
      const shipped = await shipLeftovers({
        spoolDir: dir,
        server: { client, target, resolve: async () => client },
        say: (text) => said.push(text),
        hide,
        patience_ms: 5_000,
      })
      expect([shipped, said]).toEqual([
        [{ run_id: 'r1', state: 'sealed' }],
        [
          'Run r1 held values in clear; they are stored redacted now (docs/secrets.md).',
          'Run r1 was sent and sealed (failed).',
        ],
      ])
      const row = await findRun(server.store.db, 'r1')
      expect(row.run_json).toMatch(/redacted:[0-9a-f]{16}/)
      expect(row.reason).toBe(`it said ${hide(SECRET)}`)
    } finally {
      await server.close()
    }
  })

  it('never holds in clear what is recorded now, and is for its user alone', async () => {
    const env = { ENGINE_KEY: 'Canary-key', METER: 'Canary-meter', GH_TOKEN: 'Canary-inherited' }
    const configuration = {
      ...experiment,
      engine: { ...experiment.engine, api_key_env: 'ENGINE_KEY' },
      sensors: { meters: [{ password_env: 'METER' }] },
    }
    const redactor = redactorOfRun(configuration, env, hide)
    const spool = await createSpool(dir, 'r1', { server: null, db: null }, redactor)
    await spool.writeRun({ ...runFile, environment: { said: Object.values(env).join(' ') } })
    const clock = { now: () => 0 }
    const recorder = createRecorder({ spool, clock, redactor: redactor.heard })
    recorder.add('p', 'event', { ...event, detail: `${SECRET} ${Object.values(env).join(' ')}` })
    recorder.add('p', 'request', {
      request_id: 'q',
      sent_t_ns: 1,
      error_message: `401 for ${env.ENGINE_KEY}`,
    })
    await recorder.close()
    expect(await filesHolding(dir, 'Canary')).toEqual([])
    const [details] = readChunk('event', await spool.readChunk(key)).getChild('detail') ?? []
    expect(details).toBe([SECRET, ...Object.values(env)].map(hide).join(' '))
    expect((await stat(join(spool.dir, 'run.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(spool.dir)).mode & 0o777).toBe(0o700)
  })
})
