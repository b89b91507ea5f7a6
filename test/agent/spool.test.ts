import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { closeOrphan } from '../../agent/orphan.ts'
import { createSpool, openSpool } from '../../agent/spool.ts'
import { SpoolError } from '../../agent/spool-error.ts'
import { listSpools, sweepSpools } from '../../agent/spool-list.ts'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { parseJson } from '../../analysis/schema/json.ts'
import { PROCESS, runFile, sample, temporaryDirectories } from './spool-support.ts'

const temporary = temporaryDirectories()
const chunk = (...rows: number[]) => encodeChunk('sample', rows.map(sample))
const key = (seq: number) => ({ process_id: PROCESS, stream: 'sample' as const, seq })

async function spoolOf(spoolDir: string, run_id = 'r1') {
  const spool = await createSpool(spoolDir, run_id)
  await spool.writeRun(runFile(run_id))
  return spool
}

/** As if its process had been killed: the pid is no process's. */
async function orphan(dir: string): Promise<void> {
  const path = join(dir, '.llem', 'owner.json')
  const owner = JSON.parse(await readFile(path, 'utf8')) as object
  await writeFile(path, JSON.stringify({ ...owner, pid: 2 ** 22 + 1, started: '1' }))
}

describe('a spool', () => {
  test('is a bundle: run.json, and chunks at streams/PROCESS/STREAM/SEQ.arrow', async () => {
    const spool = await spoolOf(join(await temporary(), 'a', 'spool'))
    await spool.writeChunk(key(0), chunk(1))
    expect(await readdir(spool.dir)).toEqual(['.llem', 'run.json', 'streams'])
    expect(await readFile(join(spool.dir, 'streams/p1/sample/000000.arrow'))).toEqual(
      Buffer.from(chunk(1)),
    )
    const { run } = JSON.parse(await spool.readRun()) as { run: { run_id: string } }
    expect(run.run_id).toBe('r1')
  })
  test('can be read by its owner alone', async () => {
    const spoolDir = join(await temporary(), 'spool')
    const spool = await spoolOf(spoolDir)
    for (const path of [spoolDir, spool.dir])
      expect((await stat(path)).mode & 0o777, path).toBe(0o700)
    expect((await stat(join(spool.dir, 'run.json'))).mode & 0o777).toBe(0o600)
  })
  test('lists chunks by number and ignores whatever else lies there', async () => {
    const spool = await spoolOf(await temporary())
    for (const seq of [10, 2, 0, 1]) await spool.writeChunk(key(seq), chunk(seq))
    const dir = join(spool.dir, 'streams/p1/sample')
    for (const name of ['000003.arrow.tmp', '.000004.arrow', 'note.txt', '5.arrow'])
      await writeFile(join(dir, name), 'x')
    await mkdir(join(spool.dir, 'streams/p1/other'))
    expect((await spool.chunks()).map((c) => c.seq)).toEqual([0, 1, 2, 10])
  })
  test('of one run is made once', async () => {
    const spoolDir = await temporary()
    const spool = await spoolOf(spoolDir)
    await expect(createSpool(spoolDir, 'r1')).rejects.toThrow(
      `The run r1 has a spool already: ${spool.dir}`,
    )
    expect(await readdir(spoolDir)).toEqual(['r1'])
  })
  test('refuses an id that would leave the directory', async () => {
    await expect(createSpool(await temporary(), '../x')).rejects.toThrow('"../x" is no run id.')
  })
  test('keeps what was acknowledged, also when the last line was cut by a kill', async () => {
    const spool = await spoolOf(await temporary())
    await spool.acknowledge(key(0))
    await spool.acknowledge(key(1))
    const path = join(spool.dir, '.llem/acked.ndjson')
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -3))
    expect([...(await spool.acknowledged())]).toEqual(['streams/p1/sample/000000.arrow'])
  })
  test('leaves nothing when it is removed', async () => {
    const spoolDir = await temporary()
    const spool = await spoolOf(spoolDir)
    await spool.remove()
    expect(await readdir(spoolDir)).toEqual([])
    await expect(spool.readRun()).rejects.toMatchObject({ fault: 'gone' })
  })
})

describe('a bundle', () => {
  test('has a manifest with the SHA-256 and size of each file, as sha256sum counts them', async () => {
    const spool = await spoolOf(await temporary())
    await spool.writeChunk(key(0), chunk(1, 2))
    await spool.end({ outcome: 'completed', chunks: [{ ...key(0), count: 1 } as never] })
    const manifest = JSON.parse(await readFile(join(spool.dir, 'manifest.json'), 'utf8')) as {
      files: Record<string, { sha256: string; bytes: number }>
    }
    const names = ['run.json', 'streams/p1/sample/000000.arrow']
    expect(Object.keys(manifest.files)).toEqual(names)
    const sums = execFileSync('sha256sum', names, { cwd: spool.dir, encoding: 'utf8' })
    expect(Object.values(manifest.files).map((f) => f.sha256)).toEqual(
      sums
        .split('\n')
        .slice(0, 2)
        .map((line) => line.slice(0, 64)),
    )
    for (const name of names)
      expect(manifest.files[name]?.bytes).toBe((await stat(join(spool.dir, name))).size)
  })
  test('is copied without the hidden folder, and again over itself', async () => {
    const spool = await spoolOf(await temporary())
    await spool.writeChunk(key(0), chunk(1))
    const to = join(await temporary(), 'out', 'r1')
    await spool.copyBundle(to)
    await spool.copyBundle(to)
    expect((await readdir(to)).sort()).toEqual(['manifest.json', 'run.json', 'streams'])
    expect(await readdir(join(to, 'streams/p1/sample'))).toEqual(['000000.arrow'])
  })
  test('is not copied over another run', async () => {
    const spoolDir = await temporary()
    const to = await temporary()
    await (await spoolOf(spoolDir, 'r1')).copyBundle(to)
    const second = await spoolOf(spoolDir, 'r2')
    await expect(second.copyBundle(to)).rejects.toThrow(
      `${to} holds another run already, so the bundle was left in ${second.dir}.`,
    )
  })
})

describe("a spool that can't be written", () => {
  test('is a sentence with the remedy, where a file stands in the way', async () => {
    const path = join(await temporary(), 'file')
    await writeFile(path, '')
    const error = await createSpool(path, 'r1').catch((e: unknown) => e)
    expect(error).toBeInstanceOf(SpoolError)
    expect(String(error)).toMatch(/Cannot write to the spool .*file\/r1 \(E\w+\)\. Set LLEM_SPOOL/)
  })
})

describe('the list of spools', () => {
  test('is empty where there is no directory', async () => {
    expect(await listSpools(join(await temporary(), 'none'))).toEqual([])
  })
  test('tells live, ended and orphaned runs apart', async () => {
    const spoolDir = await temporary()
    await spoolOf(spoolDir, 'r1')
    await (await spoolOf(spoolDir, 'r2')).end({ outcome: 'completed', chunks: [] })
    await orphan((await spoolOf(spoolDir, 'r3')).dir)
    const listed = await listSpools(spoolDir)
    expect(listed.map((l) => [l.spool.run_id, l.state])).toEqual([
      ['r1', 'live'],
      ['r2', 'ended'],
      ['r3', 'orphan'],
    ])
  })
  test('takes a run of another host for live until it has been silent for ten minutes', async () => {
    const spoolDir = await temporary()
    const { dir, tempDir } = await spoolOf(spoolDir)
    const owner = { pid: 1, started: '1', host: 'elsewhere' }
    await writeFile(join(dir, '.llem/owner.json'), JSON.stringify(owner))
    expect((await listSpools(spoolDir)).map((l) => l.state)).toEqual(['live'])
    const before = new Date(Date.now() - 11 * 60_000)
    await utimes(tempDir, before, before)
    expect((await listSpools(spoolDir)).map((l) => l.state)).toEqual(['orphan'])
  })
  test.each(['', '{', '[]', 'null', '{"pid":"x"}'])(
    'calls a spool with the owner file %j damaged, and says which file',
    async (text) => {
      const spoolDir = await temporary()
      const { dir } = await spoolOf(spoolDir)
      await writeFile(join(dir, '.llem/owner.json'), text)
      const [listed] = await listSpools(spoolDir)
      expect(listed).toMatchObject({ state: 'damaged' })
      expect(listed?.problem).toBe(`${dir}/.llem/owner.json can't be read as a run's owner.`)
    },
  )
  test('says what to do with a bundle that somebody put there', async () => {
    const spoolDir = await temporary()
    await mkdir(join(spoolDir, 'b'))
    const [listed] = await listSpools(spoolDir)
    expect(listed?.problem).toContain(`llem-server import ${spoolDir}/b`)
  })
  test('does not see spools half made or half removed, and sweeping removes them', async () => {
    const spoolDir = await temporary()
    for (const name of ['.gone-r1-x', '.new-r2-1', '.new-r4-1'])
      await mkdir(join(spoolDir, name, '.llem'), { recursive: true })
    const before = new Date(Date.now() - 11 * 60_000)
    await utimes(join(spoolDir, '.new-r2-1'), before, before)
    await spoolOf(spoolDir, 'r3')
    expect((await listSpools(spoolDir)).map((l) => l.spool.run_id)).toEqual(['r3'])
    await sweepSpools(spoolDir)
    // r4 is being made at this moment.
    expect(await readdir(spoolDir)).toEqual(['.new-r4-1', 'r3'])
  })
})

describe('the run of a killed agent', () => {
  test('is interrupted, and its last phase ends at the last recorded time', async () => {
    const spool = await spoolOf(await temporary())
    await spool.writeChunk(key(0), chunk(12, 31))
    await spool.writeChunk(key(1), chunk(45, 44))
    const seal = await closeOrphan(spool)
    expect(seal).toEqual({
      outcome: 'interrupted',
      reason: 'the agent ended without sealing (killed?)',
      chunks: [{ process_id: 'p1', stream: 'sample', count: 2 }],
    })
    const { run } = JSON.parse(await spool.readRun()) as { run: object }
    expect(run).toMatchObject({
      outcome: 'interrupted',
      phases: [{ phase: 'measure', start_t_ns: 10, end_t_ns: 45 }],
    })
  })
  test('keeps wall times above 2^53 to the last digit, and gives the same when done twice', async () => {
    const spool = await spoolOf(await temporary())
    await closeOrphan(spool)
    const once = await spool.readRun()
    expect(once).toContain('1790000000123456789')
    await closeOrphan(spool)
    expect(await spool.readRun()).toBe(once)
    parseJson(once)
  })
  test('with a chunk missing before others is refused, by name', async () => {
    const spool = await spoolOf(await temporary())
    await spool.writeChunk(key(0), chunk(1))
    await spool.writeChunk(key(2), chunk(2))
    await expect(closeOrphan(spool)).rejects.toThrow(
      `${spool.dir}/streams/p1/sample/000001.arrow is missing, but later chunks are there.`,
    )
  })
  test.each(['', '{"bundle_version":1}', '"x"'])(
    'with the run.json %j is refused, not sealed',
    async (text) => {
      const spool = await spoolOf(await temporary())
      await writeFile(join(spool.dir, 'run.json'), text)
      await expect(closeOrphan(spool)).rejects.toThrow(
        `${spool.dir}/run.json can't be read as a run`,
      )
      expect(await openSpool(spool.dir).readSeal()).toBe(null)
    },
  )
})
