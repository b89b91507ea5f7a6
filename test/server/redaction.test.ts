import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { type Hide, siteHide } from '../../analysis/schema/redacted.ts'
import { exportBundles } from '../../server/bundle/export-bundle.ts'
import { importBundles } from '../../server/bundle/import-bundle.ts'
import { givenFiles } from '../../server/results/files.ts'
import { readResults, storeResults } from '../../server/results/import-results.ts'
import { checkStore } from '../../server/store/check.ts'
import { findRun } from '../../server/store/find-run.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { createSummaries } from '../../server/summaries.ts'
import { ROOT } from '../support/root.ts'
import { llemServer, serveProgram } from './program.ts'
import { PROCESS_ID, RUN_ID, sampleChunks, sampleRunFile } from './sample-run.ts'
import { tempDir } from './served.ts'

const NOW = '2026-02-01T00:00:00.000Z'
const SECRET = 'Canary-7f3Aq9Zz'
const hide = siteHide(() => 'the secret of this site')
const elsewhere = siteHide(() => 'the secret of another site')
/** As every version before this one stored values. */
const clear: Hide = (value) => value

let dir: string
const open: Store[] = []
beforeEach(() => {
  dir = tempDir()
})
afterEach(async () => {
  for (const store of open.splice(0)) await store.close()
  rmSync(dir, { recursive: true, force: true })
})
async function storeAt(name: string, how: Hide = hide): Promise<Store> {
  const store = await openStore(join(dir, name), { create: true, hide: how })
  open.push(store)
  return store
}
async function closed(store: Store): Promise<string> {
  open.splice(open.indexOf(store), 1)
  await store.close()
  return store.path
}

function runFile(run_id: string, secret: string) {
  const file = sampleRunFile({ run_id })
  const { run } = file
  return {
    ...file,
    run: {
      ...run,
      experiment: {
        ...run.experiment,
        engine: {
          name: 'openai',
          launcher: 'command',
          base_url: 'http://127.0.0.1:8000/v1',
          command: ['vllm', 'serve', 'm', '--api-key', secret],
          env: { MY_SETTING: secret, CUDA_VISIBLE_DEVICES: '0' },
        },
      },
      reason: `it ended after ${secret}`,
    },
    environment: { engine: { name: 'openai', log: `key ${secret}` } },
  }
}

/** A bundle in clear: with a manifest of nothing, as a spool without its end. */
function bundleAt(name: string, run_id = RUN_ID, secret = SECRET): string {
  const at = join(dir, name)
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'run.json'), toJson(runFile(run_id, secret), 2))
  const event = encodeChunk('event', [{ t_ns: 1, code: 'log', detail: `with ${secret}` }])
  for (const c of [
    ...sampleChunks(),
    { process_id: PROCESS_ID, stream: 'event', seq: 0, bytes: event },
  ]) {
    const folder = join(at, 'streams', c.process_id, c.stream)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${String(c.seq).padStart(6, '0')}.arrow`), c.bytes)
  }
  return at
}

function holding(at: string, sought = SECRET): string[] {
  return readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(sought))
}

describe('imports', () => {
  it('in clear are stored redacted, and come again in either form without a conflict', async () => {
    const store = await storeAt('a.db')
    const bundle = bundleAt('clear')
    expect(await importBundles(store, bundle, NOW)).toMatchObject([{ result: 'imported' }])
    expect(await importBundles(store, bundle, NOW)).toMatchObject([{ result: 'same' }])
    const row = await findRun(store.db, RUN_ID)
    expect(row.run_json).toContain(hide(SECRET))
    expect(row.reason).toBe(`it ended after ${hide(SECRET)}`)
    await exportBundles(store, [row], join(dir, 'redacted'))
    expect(await importBundles(store, join(dir, 'redacted'), NOW)).toMatchObject([
      { result: 'same' },
    ])
    expect((await checkStore(store)).problems).toEqual([])
    const path = await closed(store)
    expect(readFileSync(path).includes(SECRET)).toBe(false)
    expect(holding(dir)).toEqual(holding(bundle))
  })

  it('that another site redacted are the same run; another value here is another run', async () => {
    const store = await storeAt('a.db')
    const other = await storeAt('b.db', elsewhere)
    await importBundles(other, bundleAt('clear'), NOW)
    await exportBundles(other, [await findRun(other.db, RUN_ID)], join(dir, 'theirs'))
    await importBundles(store, join(dir, 'clear'), NOW)
    expect(await importBundles(store, join(dir, 'theirs'), NOW)).toMatchObject([{ result: 'same' }])
    await expect(
      importBundles(store, bundleAt('changed', RUN_ID, 'Canary-otherV4lue'), NOW),
    ).rejects.toThrow('is there with other bytes')
    expect((await findRun(store.db, RUN_ID)).run_json).toContain(hide(SECRET))
  })

  it('of experiments that differ in a redacted value have keys of their own', async () => {
    const store = await storeAt('a.db')
    for (const [id, secret] of [
      ['r1', SECRET],
      ['r2', 'Canary-otherV4lue'],
      ['r3', SECRET],
    ] as const)
      await importBundles(store, bundleAt(id, id, secret), NOW)
    const rows = await store.db.selectFrom('run').select(['run_id', 'experiment_key']).execute()
    const key = (id: string) => rows.find((r) => r.run_id === id)?.experiment_key
    expect(key('r1')).toBe(key('r3'))
    expect(key('r1')).not.toBe(key('r2'))
  })
})

describe('results of other tools', () => {
  it('are listed redacted; their file is kept as the evidence that it is', async () => {
    const store = await storeAt('a.db')
    const fixture = 'test/fixtures/importers/aiperf/profile_export_aiperf.json'
    const file = JSON.parse(readFileSync(join(ROOT, fixture), 'utf8'))
    file.aiperf_version = `0.13.0 --api-key ${SECRET}`
    const at = join(dir, 'profile_export_aiperf.json')
    writeFileSync(at, JSON.stringify(file))
    await storeResults(store, readResults(givenFiles(at), { format: null, revision: null }), NOW)
    const [row] = await store.db.selectFrom('result').select('payload').execute()
    expect(row?.payload).toContain(hide(SECRET))
    expect(row?.payload).not.toContain(SECRET)
  })
})

describe('a database of an earlier version', () => {
  /** Two runs in clear that went under one key, with what lies about in freed pages. */
  async function earlier(): Promise<{ path: string; key: string; plain: string }> {
    const store = await storeAt('old.db', clear)
    for (const [id, secret] of [
      ['r1', SECRET],
      ['r2', `${SECRET}-2`],
    ] as const)
      await importBundles(store, bundleAt(`clear-${id}`, id, secret), NOW)
    const plain = join(dir, 'plain')
    cpSync(join(dir, 'clear-r1'), plain, { recursive: true })
    writeFileSync(join(plain, 'run.json'), toJson(sampleRunFile({ run_id: 'r3' }), 2))
    rmSync(join(plain, 'streams', PROCESS_ID, 'event'), { recursive: true })
    await importBundles(store, plain, NOW)
    const summaries = createSummaries(
      store,
      () => NOW,
      () => undefined,
    )
    for (const id of ['r1', 'r2', 'r3']) await summaries.of(await findRun(store.db, id))
    const rows = await store.db.selectFrom('run').select(['run_id', 'experiment_key']).execute()
    const key = (id: string) => rows.find((r) => r.run_id === id)?.experiment_key as string
    expect(key('r1')).toBe(key('r2'))
    const path = await closed(store)
    const raw = new Database(path)
    raw.exec(`drop table former_key; drop table pending_work;
      drop table value_set_value; drop table value_set;
      drop index run_value_set_id; drop index result_value_set_id; drop index run_facts;
      alter table run drop column value_set_id; alter table result drop column value_set_id;
      create index run_facts on run (run_id);
      delete from kysely_migration where name in ('0007-redaction', '0008-value-sets');
      create table junk (text); insert into junk values ('${SECRET} in a page that is freed');
      drop table junk`)
    raw.pragma('user_version = 6')
    raw.close()
    chmodSync(path, 0o644)
    for (const name of ['clear-r1', 'clear-r2', 'plain'])
      rmSync(join(dir, name), { recursive: true })
    expect(holding(dir)).toContain(path)
    return { path, key: key('r1'), plain: key('r3') }
  }

  it('is redacted when it is opened, to the last page; former keys stay references', async () => {
    const { path, key, plain } = await earlier()
    const env = { LLEM_SITE_SECRET: 'the secret of this site', XDG_STATE_HOME: join(dir, 'state') }
    const migrated = await llemServer(['migrate', '--db', path, '--json'], { env })
    expect(migrated).toMatchObject({ code: 0 })
    expect(JSON.parse(migrated.stdout)).toMatchObject({ from: 6, to: 8 })
    expect(holding(dir)).toEqual([])
    expect(statSync(path).mode & 0o777).toBe(0o600)

    const store = await openStore(path, { create: false, hide })
    open.push(store)
    expect((await checkStore(store)).problems).toEqual([])
    expect(await store.db.selectFrom('pending_work').selectAll().execute()).toEqual([])
    const r1 = await findRun(store.db, 'r1')
    expect(r1.run_json).toContain(hide(SECRET))
    expect(r1.registered_sha256).toBe(r1.sha256)
    expect(r1.experiment_key).not.toBe(key)
    expect((await findRun(store.db, 'r3')).experiment_key).toBe(plain)
    // The bundle from which it was imported is known again.
    expect(await importBundles(store, bundleAt('again', 'r1'), NOW)).toMatchObject([
      { result: 'same' },
    ])
    rmSync(join(dir, 'again'), { recursive: true })
    await closed(store)

    const serving = await serveProgram(path, [], { env })
    const api = async (at: string) => {
      const response = await fetch(`${serving.url}/api/v1${at}`)
      return { status: response.status, body: await response.json() }
    }
    const listed = await api(`/runs?experiment_key=${key}&sort=created_at`)
    expect(listed.body.runs.map((r: { run_id: string }) => r.run_id).sort()).toEqual(['r1', 'r2'])
    expect((await api(`/experiments/${r1.experiment_key}/summary`)).body).toMatchObject({
      experiment_key: r1.experiment_key,
    })
    // It was the key of two, which differ in the value.
    expect(await api(`/experiments/${key}/summary`)).toMatchObject({
      status: 400,
      body: { code: 'ambiguous_experiment', detail: expect.stringContaining(r1.experiment_key) },
    })
    expect((await api('/runs/r1/summary')).body.experiment_key).toBe(r1.experiment_key)
    // An older agent that sends its run again, in clear.
    const again = await fetch(`${serving.url}/api/v1/runs`, {
      method: 'POST',
      body: toJson(runFile('r1', SECRET), 2),
    })
    expect(again.status).toBe(200)
    serving.child.kill('SIGTERM')
    await serving.ended
    expect(holding(dir)).toEqual([])
  }, 60_000)

  it('that needs a secret where none can be made is left as it was', async () => {
    const { path } = await earlier()
    writeFileSync(join(dir, 'file'), '')
    const before = readFileSync(path)
    const env = { LLEM_SITE_SECRET: '', XDG_STATE_HOME: join(dir, 'file') }
    const failed = await llemServer(['migrate', '--db', path], { env })
    expect(failed.code).toBe(2)
    expect(failed.stderr).toContain('LLEM_SITE_SECRET')
    expect(failed.stderr.trim().split('\n')).toHaveLength(1)
    const raw = new Database(path, { readonly: true })
    expect(raw.pragma('user_version', { simple: true })).toBe(6)
    raw.close()
    expect(before.length).toBe(readFileSync(path).length)
    const short = await llemServer(['migrate', '--db', path], {
      env: { ...env, LLEM_SITE_SECRET: 'short' },
    })
    expect(short).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('openssl rand -hex 32'),
    })
  }, 30_000)
})

describe('files', () => {
  it('of a new database are for its user alone, and rights given later stay', async () => {
    const store = await storeAt('a.db')
    await importBundles(store, bundleAt('clear'), NOW)
    const rights = (name: string) => (statSync(join(dir, name)).mode & 0o777).toString(8)
    expect(['a.db', 'a.db-wal', 'a.db-shm'].map(rights)).toEqual(['600', '600', '600'])
    const path = await closed(store)
    chmodSync(path, 0o640)
    const checked = await llemServer(['check', '--db', path])
    expect(checked).toMatchObject({ code: 0, stderr: expect.stringContaining(`chmod 600 ${path}`) })
    expect(rights('a.db')).toBe('640')
  })
})
