import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { create } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toJson } from '../../analysis/schema/json.ts'
import { sha256 } from '../../server/store/sha256.ts'
import { BOARD, tokenRow } from '../analysis/importers/mlenergy-files.ts'
import { llemServer } from './program.ts'
import { RUN_ID, sampleChunks, sampleRunFile } from './sample-run.ts'
import { tempDir } from './served.ts'

let dir: string
let db: string
const run = (...args: string[]) => llemServer([...args, '--db', db], { cwd: dir })
const answer = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json')
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}
const file = (name: string, content: string | Uint8Array): string => {
  mkdirSync(join(dir, 'in'), { recursive: true })
  writeFileSync(join(dir, 'in', name), content)
  return join(dir, 'in', name)
}
const taskText = (rows: unknown[]) => JSON.stringify({ task: 'gpqa', configurations: rows })

/** A run with all that a row of a board needs beside its numbers. */
function bundle(): string {
  const at = join(dir, 'bundle')
  const run_file = sampleRunFile()
  const tags = {
    task: 'gpqa',
    precision: 'bf16',
    batch_limit: '1',
    architecture: 'Dense Transformer',
    total_params_billions: '0.135',
    activated_params_billions: '0.135',
  }
  const model = { id: 'HuggingFaceTB/SmolLM2-135M' }
  run_file.run.experiment = { ...(run_file.run.experiment as object), model, tags } as never
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'run.json'), toJson(run_file, 2))
  for (const c of sampleChunks()) {
    mkdirSync(join(at, `streams/p0/${c.stream}`), { recursive: true })
    writeFileSync(join(at, `streams/p0/${c.stream}/${c.seq}.arrow`), c.bytes)
  }
  return at
}

beforeAll(async () => {
  dir = tempDir()
  db = join(dir, 'board.db')
  expect(await run('import', BOARD)).toMatchObject({ code: 0, stdout: 'Imported 1153 results.\n' })
  expect(await run('import', bundle())).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('llem-server import of results', () => {
  it('changes nothing the second time', async () => {
    expect(await answer('import', BOARD)).toMatchObject({ inserted: 0, same: 1153 })
  })

  it('tells in a dry run of each row what would become of it, without a database', async () => {
    const path = file(
      'a.json',
      taskText([tokenRow(), { nickname: 'x' }, tokenRow({ p99_itl_ms: '1' })]),
    )
    const nowhere = join(dir, 'nowhere.db')
    const { stdout, code } = await llemServer([
      'import',
      path,
      '--dry-run',
      '--json',
      '--db',
      nowhere,
    ])
    expect(code).toBe(0)
    expect(existsSync(nowhere)).toBe(false)
    const told = JSON.parse(stdout)
    expect(told).toMatchObject({ dry_run: true, rows: { mapped: 2, lost: 1 } })
    expect(told.verdicts.map((v: { verdict: string }) => v.verdict)).toEqual([
      'lost',
      'mapped',
      'mapped',
    ])
    expect(told.fields.mlenergy.max_num_seqs).toBe('batch_limit')
    const words = await llemServer(['import', path, '--dry-run', '--db', nowhere])
    expect(words.stderr).toContain(
      'a.json, row 1 (lost): does not name its model: model_id is missing',
    )
    expect(words.stderr).toContain('a.json, row 2 (mapped): taken, with nulls: p99_itl_ms is "1"')
    expect(words.stdout).toBe('Would import 2 results. Nothing was stored.\n')
  })

  it('takes a packed file, an archive, and a bundle in a dry run', async () => {
    const packed = file(
      'b.json.gz',
      gzipSync(taskText([tokenRow({ nickname: 'packed', p99_itl_ms: 30 })])),
    )
    expect(await answer('import', packed)).toMatchObject({ inserted: 1 })
    file('c.json', taskText([tokenRow({ p99_itl_ms: 31 })]))
    await create({ file: join(dir, 'c.tar.gz'), cwd: join(dir, 'in'), gzip: true }, ['c.json'])
    expect(await answer('import', join(dir, 'c.tar.gz'))).toMatchObject({ inserted: 1 })
    expect(await answer('import', join(dir, 'bundle'), '--dry-run')).toMatchObject({
      dry_run: true,
      runs: [{ run_id: RUN_ID, outcome: 'completed' }],
    })
  })

  it('keeps two revisions apart, and compares them', async () => {
    const path = file('d.json', taskText([tokenRow({ model_id: 'rev/m', nickname: 'r' })]))
    const cheaper = {
      energy_per_token_joules: 0.25,
      energy_per_request_joules: 50,
      avg_power_watts: 400,
    }
    const later = file(
      'e.json',
      taskText([tokenRow({ model_id: 'rev/m', nickname: 'r', ...cheaper })]),
    )
    await answer('import', path, '--revision', '2026-01-01')
    await answer('import', later, '--revision', '2026-06-01')
    const found = await answer(
      ...[
        'leaderboard',
        '--model',
        'rev/m',
        '--a',
        'revision:2026-01-01',
        '--b',
        'revision:2026-06-01',
      ],
    )
    expect(found).toMatchObject({ pairs: 1, matched_on: expect.arrayContaining(['gpu_model']) })
    expect(found.metrics.energy_per_output_token_j).toMatchObject({
      b_better: 1,
      ratio: { geometric_mean: 0.5 },
    })
  })

  it.each<[string, () => string[], number, RegExp]>([
    ['nothing there', () => ['import', join(dir, 'none')], 1, /There is no .*none/],
    ['a stray text', () => ['import', file('t.json', 'hello')], 1, /neither JSON nor CSV/],
    [
      'an unknown importer',
      () => ['import', BOARD, '--format', 'x'],
      1,
      /no importer "x"; there are mlenergy/,
    ],
    ['a folder of nothing', () => ['import', join(dir, 'bundle/streams')], 1, /no file of results/],
  ])('refuses %s', async (_, args, code, message) => {
    const ended = await run(...args())
    expect([ended.code, ended.stdout]).toEqual([code, ''])
    expect(ended.stderr).toMatch(message)
  })
})

describe('llem-server leaderboard', () => {
  it('prints a table, and the JSON of the API', async () => {
    const table = await run('leaderboard', '--task', 'gpqa', '--gpu_model', 'H100', '--limit', '3')
    expect(table.stdout).toMatch(/^MODEL +GPU +N +PRECISION +BATCH +J\/TOKEN/)
    expect(table.stderr).toContain(' --task gpqa --gpu_model H100 --limit 3 --cursor ')
    const page = await answer(
      'leaderboard',
      '--source',
      'local',
      '--metric',
      'energy_per_output_token_j',
    )
    expect(page.rows).toMatchObject([{ id: RUN_ID, precision: 'bf16', batch_limit: 1 }])
    expect(page.rows[0].placement.placed.rank).toBeGreaterThan(1)
  })

  it('writes other forms to a file or stdout', async () => {
    const args = [
      'leaderboard',
      '--task',
      'gpqa',
      '--source',
      'mlenergy',
      '--revision',
      '2026-02-16',
    ]
    const out = join(dir, 'out/gpqa.json')
    await run(...args, '--limit', '1000', '--format', 'mlenergy', '--out', out)
    expect(readFileSync(out).equals(readFileSync(join(BOARD, 'tasks/gpqa.json')))).toBe(true)
    const csv = join(dir, 'out/board.csv')
    await run(...args, '--limit', '2', '--format', 'csv', '--out', csv)
    const head = readFileSync(csv, 'utf8').split('\r\n')[0]?.split(',')
    const explained = readFileSync(join(dir, 'out/columns.csv'), 'utf8').split('\r\n').slice(1, -1)
    expect(explained.map((l) => l.split(',')[0])).toEqual(head)
    const markdown = await run(...args, '--limit', '2', '--format', 'markdown')
    expect(markdown.stdout.split('\n')).toHaveLength(5)
  })

  it('names what it does not know', async () => {
    const ended = await run('leaderboard', '--colour', 'red')
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringMatching(/--colour is not known/)])
    const sides = await run('leaderboard', '--a', 'gpu_model:H100')
    expect([sides.code, sides.stderr]).toEqual([2, expect.stringMatching(/--b is missing/)])
    expect((await run('leaderboard', '--a', 'gpu:H100', '--b', 'gpu_model:B200')).stderr).toMatch(
      /--a is "gpu:H100"; it must be FIELD:VALUE/,
    )
  })
})

describe('llem-server export --format mlenergy', () => {
  it('comes back bit for bit when it is imported', async () => {
    const out = join(dir, 'mine.json')
    await run('export', 'last', '--format', 'mlenergy', '--out', out)
    const [row] = JSON.parse(readFileSync(out, 'utf8')).configurations
    const other = join(dir, 'other.db')
    await llemServer(['import', out, '--db', other])
    const page = JSON.parse((await llemServer(['leaderboard', '--json', '--db', other])).stdout)
    const [back] = page.rows
    expect(back).toMatchObject({ source: 'mlenergy', valid: true, gpu_model: 'H100', findings: [] })
    const of = (id: string) => back.metrics[id].value
    expect([
      of('energy_per_output_token_j'),
      of('energy_per_request_j'),
      of('power_mean_w'),
      of('output_throughput_tok_s'),
      of('itl_ms_p50'),
      of('itl_ms_p99'),
    ]).toEqual([
      row.energy_per_token_joules,
      row.energy_per_request_joules,
      row.avg_power_watts,
      row.output_throughput_tokens_per_sec,
      row.median_itl_ms,
      row.p99_itl_ms,
    ])
    const shown = JSON.parse((await run('show', 'last', '--json')).stdout)
    expect(of('energy_per_output_token_j')).toBe(shown.metrics.energy_per_output_token_j.value)
  })

  it('names in strict all that would stop a reader, and writes nothing', async () => {
    const out = join(dir, 'strict.json')
    const ended = await run('export', 'last', '--format', 'mlenergy', '--strict', '--out', out)
    expect([ended.code, existsSync(out)]).toEqual([1, false])
    expect(ended.stderr).toMatch(/avg_batch_size \(is not known\).*under 20 s/)
  })
})

describe('llem-server verify', () => {
  const submission = async (name: string) => {
    const at = join(dir, name)
    expect(await run('export', 'last', '--format', 'submission', '--out', at)).toMatchObject({
      code: 0,
    })
    return at
  }
  const verify = async (at: string) => {
    const { code, stdout } = await llemServer(['verify', at, '--json'])
    return { code, ...JSON.parse(stdout) }
  }
  /** Puts right what is stated of a file, as who tampers would. */
  const restate = (at: string, manifest: string, path: string) => {
    const value = JSON.parse(readFileSync(join(at, manifest), 'utf8'))
    const root = manifest.includes('/') ? join(at, 'bundle') : at
    const bytes = readFileSync(join(root, path))
    value.files[path] = { sha256: sha256(bytes), bytes: bytes.length }
    writeFileSync(join(at, manifest), JSON.stringify(value))
  }

  it('finds an untouched submission right, by every number', async () => {
    const found = await verify(await submission('sound'))
    expect(found).toMatchObject({ code: 0, ok: true, files: { wrong: [] }, numbers: { wrong: [] } })
    expect(found.numbers.compared).toBeGreaterThan(1000)
    const words = await llemServer(['verify', join(dir, 'sound')])
    expect(words.stdout).toMatch(/files and \d+ values hold/)
  })

  it('tells one changed byte of any file', async () => {
    const sound = join(dir, 'sound')
    const files = readdirSync(sound, { recursive: true, withFileTypes: true })
      .filter((f) => f.isFile())
      .map((f) => join(f.parentPath, f.name).slice(sound.length + 1))
    expect(files.length).toBeGreaterThan(5)
    for (const name of files) {
      const at = join(dir, 'changed')
      rmSync(at, { recursive: true, force: true })
      cpSync(sound, at, { recursive: true })
      const bytes = readFileSync(join(at, name))
      const middle = Math.floor(bytes.length / 2)
      bytes[middle] = (bytes[middle] as number) ^ 1
      writeFileSync(join(at, name), bytes)
      const { code } = await llemServer(['verify', at])
      expect([name, code]).toEqual([name, 1])
    }
  })

  it('tells a number that does not follow from the rows, though its hash is put right', async () => {
    const at = await submission('number')
    const path = join(at, 'summary.json')
    const summary = JSON.parse(readFileSync(path, 'utf8'))
    summary.metrics.energy_gpu_j.value -= 1
    writeFileSync(path, JSON.stringify(summary))
    restate(at, 'submission.json', 'summary.json')
    const found = await verify(at)
    expect(found).toMatchObject({ code: 1, ok: false, files: { wrong: [] } })
    expect(found.numbers.wrong).toMatchObject([
      { file: 'summary.json', path: 'metrics.energy_gpu_j.value' },
    ])
  })

  it('tells rows that were changed, though every hash is put right', async () => {
    const at = await submission('rows')
    const name = 'run.json'
    const text = readFileSync(join(at, 'bundle', name), 'utf8')
    writeFileSync(join(at, 'bundle', name), text.replace('"tdp_w": 700', '"tdp_w": 350'))
    restate(at, 'bundle/manifest.json', name)
    restate(at, 'submission.json', `bundle/${name}`)
    restate(at, 'submission.json', 'bundle/manifest.json')
    const found = await verify(at)
    expect(found).toMatchObject({ code: 1, files: { wrong: [] } })
    expect(found.numbers.wrong.map((w: { path: string }) => w.path)).toContain(
      'metrics.power_share_of_tdp_pct.value',
    )
  })

  it('tells files that are missing or too many, and what is no submission', async () => {
    const at = await submission('files')
    appendFileSync(join(at, 'extra.txt'), 'x')
    rmSync(join(at, 'mlenergy.json'))
    const found = await verify(at)
    expect(found.files.wrong).toMatchObject([
      { file: 'mlenergy.json', message: 'is not there' },
      { file: 'extra.txt', message: 'is not stated' },
      { message: expect.stringContaining('mlenergy.json') },
    ])
    const none = await llemServer(['verify', join(dir, 'bundle')])
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/no submission\.json/)])
  })
})
