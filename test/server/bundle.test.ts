import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { columnFromArray, int64, tableFromColumns, tableToIPC, utf8 } from '@uwdata/flechette'
import { create, Header } from 'tar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeChunk, readChunk } from '../../analysis/schema/arrow.ts'
import { exportBundles } from '../../server/bundle/export-bundle.ts'
import { importBundles } from '../../server/bundle/import-bundle.ts'
import { ndjsonChunks } from '../../server/bundle/ndjson.ts'
import { findRun } from '../../server/store/find-run.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { createSummaries } from '../../server/summaries.ts'
import { RUN_ID, requestRows, runText, sampleChunks, sampleRows } from './sample-run.ts'
import { tempDir } from './served.ts'

let dir: string
let store: Store
const NOW = '2026-02-01T00:00:00.000Z'
beforeEach(async () => {
  dir = tempDir()
  store = await openStore(join(dir, 'llem.db'), { create: true })
})
afterEach(async () => {
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

const sha = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
/** A bundle folder as an agent leaves it: chunks and no manifest. */
function spoolBundle(name: string, change: Parameters<typeof runText>[0] = {}): string {
  const at = join(dir, name)
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'run.json'), runText(change))
  for (const c of sampleChunks()) {
    const folder = join(at, 'streams', c.process_id, c.stream)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${String(c.seq).padStart(6, '0')}.arrow`), c.bytes)
  }
  return at
}
/** One written by hand: one file a stream. */
function handBundle(name: string, files: Record<string, string | Uint8Array>): string {
  const at = join(dir, name)
  for (const [path, content] of Object.entries({ 'run.json': runText(), ...files })) {
    mkdirSync(join(at, path, '..'), { recursive: true })
    writeFileSync(join(at, path), content)
  }
  return at
}
const tree = (at: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(at, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile())
      .map((e) => join(e.parentPath, e.name))
      .map((p) => [p.slice(at.length + 1), sha(readFileSync(p))] as [string, string])
      .sort(),
  )
const ndjson = (rows: readonly object[]) => rows.map((r) => `${JSON.stringify(r)}\n`).join('')
const runCount = async () => (await store.db.selectFrom('run').select('run_id').execute()).length
const stored = () => findRun(store.db, RUN_ID)

describe('a bundle', () => {
  it('comes out byte for byte as it went in, with a manifest', async () => {
    const bundle = spoolBundle('in')
    await importBundles(store, bundle, NOW)
    await exportBundles(store, [await stored()], join(dir, 'out'))
    const { 'manifest.json': manifest, ...rest } = tree(join(dir, 'out'))
    expect(rest).toEqual(tree(bundle))
    expect(manifest).toBeDefined()
    const { files } = JSON.parse(readFileSync(join(dir, 'out/manifest.json'), 'utf8'))
    expect(files['run.json']).toEqual({ sha256: rest['run.json'], bytes: runText().length })
  })

  it('gives the same archive each time, which imports elsewhere to the same', async () => {
    await importBundles(store, spoolBundle('in'), NOW)
    await exportBundles(store, [await stored()], join(dir, 'a.tar.gz'))
    await exportBundles(store, [await stored()], join(dir, 'b.tar.gz'))
    expect(sha(readFileSync(join(dir, 'a.tar.gz')))).toBe(sha(readFileSync(join(dir, 'b.tar.gz'))))
    const other = await openStore(join(dir, 'other.db'), { create: true })
    try {
      expect(await importBundles(other, join(dir, 'a.tar.gz'), NOW)).toMatchObject([
        { run_id: RUN_ID, result: 'imported', chunks: 4, rows: 310, outcome: 'completed' },
      ])
      await exportBundles(other, [await findRun(other.db, 'last')], join(dir, 'again'))
      await exportBundles(store, [await stored()], join(dir, 'first'))
      expect(tree(join(dir, 'again'))).toEqual(tree(join(dir, 'first')))
    } finally {
      await other.close()
    }
  })

  it('keeps an outcome that only the seal told', async () => {
    const bundle = spoolBundle('in', { outcome: null })
    expect(await importBundles(store, bundle, NOW)).toMatchObject([{ outcome: 'interrupted' }])
    await store.db.updateTable('run').set({ outcome: 'completed' }).execute()
    await exportBundles(store, [await stored()], join(dir, 'out'))
    const other = await openStore(join(dir, 'other.db'), { create: true })
    expect(await importBundles(other, join(dir, 'out'), NOW)).toMatchObject([
      { outcome: 'completed' },
    ])
    await other.close()
  })

  it('does not write over what is there', async () => {
    await importBundles(store, spoolBundle('in'), NOW)
    await expect(exportBundles(store, [await stored()], join(dir, 'in'))).rejects.toThrow(
      /not empty/,
    )
  })
})

describe('importing', () => {
  it('the same bytes again changes nothing and says so', async () => {
    const bundle = spoolBundle('in')
    await importBundles(store, bundle, NOW)
    expect(await importBundles(store, bundle, NOW)).toMatchObject([{ result: 'same' }])
    expect(await runCount()).toBe(1)
  })

  it('refuses other bytes of a run that is there, with both hashes', async () => {
    await importBundles(store, spoolBundle('in'), NOW)
    const renamed = spoolBundle('renamed', { name: 'other' })
    const both = new RegExp(`${sha(runText({ name: 'other' }))}.*${sha(runText())}`)
    await expect(importBundles(store, renamed, NOW)).rejects.toThrow(both)
    const changed = spoolBundle('changed')
    const bytes = encodeChunk('sample', sampleRows(0, 9))
    writeFileSync(join(changed, 'streams/p0/sample/000000.arrow'), bytes)
    await expect(importBundles(store, changed, NOW)).rejects.toThrow(
      new RegExp(`000000.arrow.*${sha(bytes)}`),
    )
    const shorter = spoolBundle('shorter')
    rmSync(join(shorter, 'streams/p0/request'), { recursive: true })
    await expect(importBundles(store, shorter, NOW)).rejects.toThrow(/p0\/request\/0/)
  })

  it('takes one NDJSON or Arrow file a stream, written by hand, without manifest', async () => {
    const samples = sampleRows(0, 30).map(({ sensor_id: _, ...row }) => row)
    const bundle = handBundle('hand', {
      'streams/p0/sample.ndjson': ndjson(samples),
      'streams/p0/request.arrow': encodeChunk('request', requestRows()),
      'streams/p0/event.ndjson': '',
      'streams/p0/step.arrow': '',
    })
    expect(await importBundles(store, bundle, NOW)).toMatchObject([
      { result: 'imported', chunks: 2, rows: 310 },
    ])
    expect(await importBundles(store, bundle, NOW)).toMatchObject([{ result: 'same' }])
    const summary = await createSummaries(
      store,
      () => NOW,
      () => {},
    ).of(await stored())
    expect(summary.metrics['energy_per_output_token_j']?.value).toBeGreaterThan(0)
  })

  it('takes an NDJSON file that is longer than the longest string', () => {
    const text = Buffer.alloc(540_000_000, ' ')
    for (let at = 0; at < text.length; at += 1_000_000) text[at] = 10
    const row = Buffer.from('{"t_ns":1,"device_id":"d","sensor_id":"s","metric":"m","value":1}\n')
    row.copy(text, text.length - row.length)
    const [chunk, ...more] = ndjsonChunks('sample', text, 'sample.ndjson')
    expect([readChunk('sample', chunk as Uint8Array).numRows, more]).toEqual([1, []])
    row.copy(text, 3_000_001, 1) // without its brace
    expect(() => ndjsonChunks('sample', text, 'sample.ndjson')).toThrow(
      /^sample\.ndjson, line 5 is not JSON/,
    )
  })

  it('takes a run.json with the required keys alone, and seals it as interrupted', async () => {
    const run_json = JSON.stringify({
      bundle_version: 1,
      run: { run_id: 'bare', experiment: { model: 'm' }, phases: [] },
      devices: [],
      processes: [{ process_id: 'p0' }],
    })
    const bundle = handBundle('bare', { 'run.json': run_json })
    expect(await importBundles(store, bundle, NOW)).toMatchObject([
      { run_id: 'bare', outcome: 'interrupted', chunks: 0 },
    ])
    const row = await findRun(store.db, 'bare')
    expect(row).toMatchObject({ state: 'sealed', outcome: 'interrupted', model: 'm', engine: null })
  })

  it('counts the GPUs of a run that names none as used, as its summary does', async () => {
    const file = (run_id: string, experiment: object) => ({
      bundle_version: 1,
      run: { run_id, experiment, phases: [] },
      devices: [
        { device_id: 'GPU-a', model: 'H100' },
        { device_id: 'GPU-b', model: 'A100' },
      ],
      processes: [{ process_id: 'p0' }],
    })
    for (const [run_id, experiment] of [
      ['all', { model: 'm' }],
      ['one', { model: 'm', devices: [1] }],
    ] as const)
      await importBundles(
        store,
        handBundle(run_id, { 'run.json': JSON.stringify(file(run_id, experiment)) }),
        NOW,
      )
    expect(await findRun(store.db, 'all')).toMatchObject({ num_gpus: 2, gpu_model: 'A100, H100' })
    expect(await findRun(store.db, 'one')).toMatchObject({ num_gpus: 1, gpu_model: 'A100' })
  })

  it('keeps times above 2^53 exact', async () => {
    const t_ns = 2n ** 60n + 1n
    const bundle = handBundle('big', {
      'streams/p0/sample.ndjson': `{"t_ns":${t_ns},"device_id":"GPU-aaaa","metric":"gpu_power_mw","value":1}\n`,
    })
    await importBundles(store, bundle, NOW)
    const { readChunks } = await import('../../server/store/chunks.ts')
    const { readChunk } = await import('../../analysis/schema/arrow.ts')
    for await (const chunk of readChunks(store.db, RUN_ID))
      expect(readChunk('sample', chunk.bytes).get(0)).toMatchObject({ t_ns })
  })

  it('takes several bundles in a folder, all or nothing', async () => {
    spoolBundle('many/a', { run_id: 'a' })
    const b = spoolBundle('many/b', { run_id: 'b' })
    writeFileSync(join(b, 'streams/p0/sample/000001.arrow'), 'not arrow')
    await expect(importBundles(store, join(dir, 'many'), NOW)).rejects.toThrow(
      /b\/streams\/p0\/sample\/000001.arrow/,
    )
    expect(await runCount()).toBe(0)
    cpSync(join(dir, 'many/a/streams'), join(b, 'streams'), { recursive: true })
    expect(await importBundles(store, join(dir, 'many'), NOW)).toHaveLength(2)
  })

  const broken: readonly [string, (at: string) => void, RegExp][] = [
    ['no run.json', (at) => rmSync(join(at, 'run.json')), /no run\.json/],
    [
      'a run.json that is not JSON',
      (at) => writeFileSync(join(at, 'run.json'), '{'),
      /run\.json: the text is not JSON/,
    ],
    [
      'a run.json with a wrong key',
      (at) => writeFileSync(join(at, 'run.json'), runText().replace('"measure"', '"mesure"')),
      /run\.phases\.1\.phase/,
    ],
    [
      'a later bundle_version',
      (at) =>
        writeFileSync(
          join(at, 'run.json'),
          runText().replace('"bundle_version": 1', '"bundle_version": 2'),
        ),
      /bundle_version is 2; this program reads bundle_version 1/,
    ],
    [
      'a process that run.json does not name',
      (at) => cpSync(join(at, 'streams/p0'), join(at, 'streams/p1'), { recursive: true }),
      /process p1/,
    ],
    [
      'a chunk missing in between',
      (at) => rmSync(join(at, 'streams/p0/sample/000001.arrow')),
      /chunk 1 of streams\/p0\/sample is missing/,
    ],
    [
      'a chunk cut short',
      (at) =>
        writeFileSync(
          join(at, 'streams/p0/sample/000002.arrow'),
          sampleChunks()[0]?.bytes.slice(0, 500) as Uint8Array,
        ),
      /000002\.arrow: .*(cut|damaged|ends)/,
    ],
    [
      'a stream in two forms',
      (at) => writeFileSync(join(at, 'streams/p0/sample.ndjson'), '{}'),
      /two forms/,
    ],
    ['a link', (at) => symlinkSync('/etc/passwd', join(at, 'streams/p0/x.arrow')), /link/],
  ]
  for (const [what, breakIt, message] of broken)
    it(`refuses ${what}, naming it, and stores nothing`, async () => {
      const bundle = spoolBundle('broken')
      breakIt(bundle)
      await expect(importBundles(store, bundle, NOW)).rejects.toThrow(message)
      expect(await runCount()).toBe(0)
    })

  const badLines: readonly [string, RegExp][] = [
    ['{"t_ns":1}', /line 2: device_id is missing/],
    [
      '{"t_ns":1.5,"device_id":"d","metric":"m"}',
      /line 2: t_ns is 1\.5; it must be a whole number/,
    ],
    [
      '{"t_ns":1,"device_id":"d","metric":"m","value":"9"}',
      /line 2: value is "9"; it must be a number/,
    ],
    ['[1]', /line 2 is \[1\]; each line is one JSON object/],
    ['{"t_ns":', /line 2 is not JSON/],
  ]
  for (const [line, message] of badLines)
    it(`refuses the NDJSON line ${line}`, async () => {
      const bundle = handBundle('hand', { 'streams/p0/sample.ndjson': `\n${line}\n` })
      await expect(importBundles(store, bundle, NOW)).rejects.toThrow(message)
    })

  it.each(['4294967296', '1e300', '2.5'])(
    'refuses the count %s, which no column can hold, naming the line and the column',
    async (count) => {
      const bundle = handBundle('hand', {
        'streams/p0/request.ndjson': `{"request_id":"a","output_tokens":${count}}\n`,
      })
      await expect(importBundles(store, bundle, NOW)).rejects.toThrow(
        /line 1: output_tokens is [^;]+; it must be a whole number from -2147483648 to 2147483647, or null/,
      )
    },
  )

  it('refuses a chunk file with such a count, naming the file, the column and the row', async () => {
    const columns = [
      ['request_id', columnFromArray(['a'], utf8())],
      ['output_tokens', columnFromArray([4_294_967_301n], int64())],
    ]
    const bytes = tableToIPC(tableFromColumns(columns as never), { format: 'stream' })
    const bundle = handBundle('hand', {})
    mkdirSync(join(bundle, 'streams/p0'), { recursive: true })
    writeFileSync(join(bundle, 'streams/p0/request.arrow'), bytes as Uint8Array)
    await expect(importBundles(store, bundle, NOW)).rejects.toThrow(
      /request\.arrow: column output_tokens of stream request holds 4294967301 in row 0/,
    )
  })

  const mismatches: readonly [string, (at: string) => void, RegExp][] = [
    [
      'a changed file',
      (at) => writeFileSync(join(at, 'run.json'), runText({ name: 'x' })),
      /run\.json has .* the manifest says/,
    ],
    [
      'a file taken away',
      (at) => rmSync(join(at, 'streams/p0/sample/000002.arrow')),
      /sample\/000002\.arrow is in the manifest and not in the bundle/,
    ],
    [
      'a file put in',
      (at) => writeFileSync(join(at, 'streams/p0/step.ndjson'), ''),
      /step\.ndjson is not in the manifest/,
    ],
    [
      'a manifest that is none',
      (at) => writeFileSync(join(at, 'manifest.json'), '{"bundle_version":1}'),
      /manifest\.json: files/,
    ],
  ]
  for (const [what, change, message] of mismatches)
    it(`finds ${what} by the manifest`, async () => {
      await importBundles(store, spoolBundle('in'), NOW)
      await exportBundles(store, [await stored()], join(dir, 'out'))
      change(join(dir, 'out'))
      const other = await openStore(join(dir, 'other.db'), { create: true })
      await expect(importBundles(other, join(dir, 'out'), NOW)).rejects.toThrow(message)
      await other.close()
    })
})

describe('an archive', () => {
  /** Tar bytes of one entry, as a hostile program would write them. */
  function entry(path: string, body: Uint8Array, type: 'File' | 'SymbolicLink' = 'File'): Buffer {
    const header = new Header({
      path,
      mode: 0o644,
      size: body.length,
      type,
      linkpath: type === 'File' ? '' : '/etc',
    })
    const block = Buffer.alloc(512)
    header.encode(block, 0)
    const padding = Buffer.alloc((512 - (body.length % 512)) % 512)
    return Buffer.concat([block, body, padding])
  }
  const archive = (name: string, ...entries: Buffer[]): string => {
    const path = join(dir, name)
    writeFileSync(path, gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)])))
    return path
  }

  it('is taken from a folder that tar packed', async () => {
    spoolBundle('in')
    await create({ file: join(dir, 'x.tar.gz'), cwd: dir, gzip: true }, ['in'])
    expect(await importBundles(store, join(dir, 'x.tar.gz'), NOW)).toMatchObject([
      { result: 'imported' },
    ])
  })

  for (const path of ['../escape.json', '/tmp/llem-escape.json', 'a/../../escape.json'])
    it(`is refused with the path ${path}, and nothing is written there`, async () => {
      const file = archive(
        'evil.tar.gz',
        entry('run.json', Buffer.from(runText())),
        entry(path, Buffer.from('x')),
      )
      await expect(importBundles(store, file, NOW)).rejects.toThrow(/out of the bundle/)
      expect(existsSync(join(dir, 'escape.json'))).toBe(false)
      expect(existsSync('/tmp/llem-escape.json')).toBe(false)
      expect(await runCount()).toBe(0)
    })

  it('is refused with a link in it', async () => {
    const file = archive('link.tar.gz', entry('streams', Buffer.alloc(0), 'SymbolicLink'))
    await expect(importBundles(store, file, NOW)).rejects.toThrow(
      /a SymbolicLink; a bundle holds plain files only/,
    )
  })

  it('is refused when it grows far beyond its size', async () => {
    const file = archive('bomb.tar.gz', entry('run.json', Buffer.alloc(150_000_000)))
    await expect(importBundles(store, file, NOW)).rejects.toThrow(/unpacks to more than/)
  })

  it('is refused when it is cut short or no archive', async () => {
    spoolBundle('in')
    await create({ file: join(dir, 'x.tar.gz'), cwd: dir, gzip: true }, ['in'])
    const whole = readFileSync(join(dir, 'x.tar.gz'))
    writeFileSync(join(dir, 'cut.tar.gz'), whole.subarray(0, whole.length / 2))
    await expect(importBundles(store, join(dir, 'cut.tar.gz'), NOW)).rejects.toThrow(
      /cut short or damaged/,
    )
    writeFileSync(join(dir, 'text.tar.gz'), 'hello')
    await expect(importBundles(store, join(dir, 'text.tar.gz'), NOW)).rejects.toThrow(
      /cut short or damaged|no run\.json/,
    )
    expect(await runCount()).toBe(0)
  })
})
