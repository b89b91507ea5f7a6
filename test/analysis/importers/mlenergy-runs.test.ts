import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { resultTaskRow } from '../../../analysis/exporters/mlenergy.ts'
import type { ImportFile } from '../../../analysis/importers/importer.ts'
import { IMPORTERS } from '../../../analysis/importers/list.ts'
import { type Result, resultSchema } from '../../../analysis/schema/result.ts'
import { parquetContent } from '../../../server/results/parquet.ts'
import { fuzzRuns } from '../../support/fuzz-factor.ts'
import { ROOT } from '../../support/root.ts'
import { imageRow, jsonFile, published, read, task, tokenRow } from './mlenergy-files.ts'

type Row = Readonly<Record<string, unknown>>

function parquetFile(path: string, bytes: Uint8Array): ImportFile {
  const parsed = parquetContent(bytes)
  if (typeof parsed === 'string') throw new Error(`${path} ${parsed}`)
  return { path, sha256: 'x', ...parsed }
}

/** Rows as a Parquet file and back: whole numbers as INT64, as pandas writes them, others as DOUBLE. */
function table(rows: readonly Row[], path = 'runs/llm.parquet'): ImportFile {
  const names = [...new Set(rows.flatMap((r) => Object.keys(r)))]
  const columnData = names.map((name) => {
    const cells = rows.map((r) => r[name] ?? null)
    const some = cells.filter((c) => c !== null)
    const all = (kind: string) => some.every((c) => typeof c === kind)
    const whole = some.length > 0 && some.every(Number.isInteger) && !/_joules|_watts/.test(name)
    if (all('boolean')) return { name, type: 'BOOLEAN' as const, nullable: true, data: cells }
    if (all('string')) return { name, type: 'STRING' as const, nullable: true, data: cells }
    return whole
      ? {
          name,
          type: 'INT64' as const,
          nullable: true,
          data: cells.map((c) => (c === null ? null : BigInt(c as number))),
        }
      : { name, type: 'DOUBLE' as const, nullable: true, data: cells }
  })
  return parquetFile(path, new Uint8Array(parquetWriteBuffer({ columnData: columnData as never })))
}

const fixture = (name: string): ImportFile =>
  parquetFile(
    `runs/${name}.parquet`,
    new Uint8Array(
      readFileSync(join(ROOT, 'test/fixtures/importers/mlenergy/runs', `${name}.parquet`)),
    ),
  )

/** A token row as the bundle's table tells it. */
const runRow = (change: Row = {}): Row => ({
  domain: 'llm',
  task: 'gpqa',
  ...tokenRow(),
  seed: 48105,
  num_request_repeats: 1,
  steady_state_energy_joules: 24_000,
  steady_state_duration_seconds: 30,
  request_throughput_req_per_sec: 8,
  total_output_tokens: 20_000,
  completed_requests: 100,
  mean_itl_ms: 11,
  p50_itl_ms: 10,
  is_stable: true,
  unstable_reason: '',
  ...change,
})
const only = (row: Row): Result => {
  const [result] = read([table([row])]).results
  if (result === undefined) throw new Error('no result')
  return resultSchema.parse(result)
}
const codes = (result: Result) => result.findings.map((f) => [f.code, f.severity])

describe('rows of the published task files, written as Parquet', () => {
  const files = published()
  const tasks = files.filter((f) => f.path.startsWith('tasks/'))
  const rows = tasks.flatMap((f) => {
    const value = (f.content as { value: { task: string; configurations: Row[] } }).value
    return value.configurations.map((row) => ({ task: value.task, ...row }))
  })
  const told = (results: readonly Result[]) =>
    results.map(({ provenance, foreign, ...rest }) => {
      const { task_display_name: _, ...others } = foreign
      return { ...rest, foreign: others, notes: provenance.notes, revision: provenance.revision }
    })

  it('give the same results, number for number, with the same ids', () => {
    const ours = read([table(rows)])
    expect(ours.verdicts.filter((v) => v.verdict !== 'mapped' || v.faults.length > 0)).toEqual([])
    expect(ours.results).toHaveLength(187 + 328 + 638)
    expect(told(ours.results)).toEqual(told(read(tasks).results))
  })

  it('and with the index beside them, its date and kinds', () => {
    const index = files.filter((f) => f.path === 'index.json')
    const ours = told(read([table(rows), ...index]).results)
    expect(ours).toEqual(told(read([...tasks, ...index]).results))
    expect(ours[0]).toMatchObject({ revision: '2026-02-16', setup: { modality: 'llm' } })
  })

  it('are results once where the task files come with them', () => {
    const both = read([table(rows), ...tasks])
    expect(both.results).toHaveLength(187 + 328 + 638)
    expect(both.verdicts.filter((v) => v.verdict === 'ignored')).toHaveLength(187 + 328 + 638)
  })
})

describe('tables that the project’s own code wrote', () => {
  const llm = fixture('llm')
  const diffusion = fixture('diffusion')
  const { results, verdicts, fields } = read([llm, diffusion])

  it('are told by their content, by this importer alone', () => {
    for (const file of [llm, diffusion])
      expect(IMPORTERS.filter((i) => i.detect({ ...file, path: 'x' })).map((i) => i.name)).toEqual([
        'mlenergy',
      ])
  })

  it('give every row as a result, and tell of every column', () => {
    expect(results).toHaveLength(6 + 2)
    for (const result of results) resultSchema.parse(result)
    const columns = [llm, diffusion].flatMap(
      (f) => (f.content as { columns: readonly string[] }).columns,
    )
    expect(Object.keys(fields).sort()).toEqual([...new Set(columns)].sort())
    expect(fields).toMatchObject({
      energy_per_generation_joules: 'energy_per_video_j',
      steady_state_energy_joules: 'energy_gpu_j',
      seed: null,
    })
  })

  it('tell the same of a run as its raw results', () => {
    const dir = join(
      ROOT,
      'test/fixtures/importers/mlenergy/run/llm/length-control/results/smollm2-135m/FAKE',
      'num_gpus+2+max_num_seqs+8+num_request_repeats+1+num_requests+48+input_mean+40+output_mean+60+pareto_a+2.5+seed+48105',
    )
    const raw = ['results.json', 'prometheus.json'].map((name) =>
      jsonFile(`a/${name}`, JSON.parse(readFileSync(join(dir, name), 'utf8'))),
    )
    const [counted] = read(raw).results
    const [row] = results
    for (const [id, m] of Object.entries(row?.metrics ?? {})) {
      const own = counted?.metrics[id]
      expect(own?.window, id).toBe(m.window)
      expect((own?.value as number) / (m.value as number), id).toBeCloseTo(1, 12)
    }
    expect(Object.keys(row?.metrics ?? {})).toHaveLength(14)
  })

  it('keep runs that were not stable, with the reason, never without a caution', () => {
    const told = results
      .slice(0, 6)
      .map((r) => [r.name, r.batch_limit, r.valid, ...codes(r).map(([c]) => c)])
    expect(told).toEqual([
      ['SmolLM2-135M-Instruct', 8, true],
      ['SmolLM2-135M-Instruct', 16, true, 'low_batch_utilisation'],
      ['SmolLM2-135M-Instruct', 32, true, 'cascade_unstable'],
      // Its seconds were cut and its joules were not, by hand; throughput follows both.
      ['short', 8, true, 'short_steady_state'],
      ['ungauged', 8, true],
      ['zero', 8, false, 'identity_broken', 'identity_broken', 'no_steady_window'],
    ])
    expect(results[1]?.findings[0]?.evidence).toEqual({ reason: 'low_batch_utilization:0.593750' })
    expect(results[3]?.findings[0]?.message).toBe('The steady window is 12.0 s long, under 20 s.')
    expect(verdicts.flatMap((v) => v.faults.map((f) => [v.row, f.field, f.message]))).toEqual([
      [4, 'avg_batch_size', 'is null; it must be a number'],
      [5, 'energy_per_request_joules', 'is null; it must be a number'],
    ])
  })

  it('tell images and videos apart', () => {
    const [image, video] = results.slice(6)
    // 1000 J in 2 s and 1200 J in 2.5 s, batches of 4 and of 1.
    expect(image?.metrics['energy_per_image_j']).toMatchObject({ value: 275, window: 'iterations' })
    expect(image?.setup).toMatchObject({
      modality: 'diffusion',
      image_height: 1024,
      image_width: 768,
    })
    expect(video?.metrics['energy_per_video_j']?.value).toBe(1100)
    expect(video?.setup).toMatchObject({ num_frames: 81, fps: 15, video_height: 480 })
    expect(image?.setup).not.toHaveProperty('num_frames')
    expect(video?.foreign).toEqual({
      'runs.use_torch_compile': true,
      'runs.results_path': expect.stringMatching(/^diffusion\/fake\/.*\/results\.json$/),
    })
  })

  it('leave as rows of a task file that are read as the same results', () => {
    for (const result of results) {
      const row = resultTaskRow(result)
      expect(Object.keys(row).filter((k) => k.startsWith('runs.'))).toEqual([])
      const file = jsonFile('t.json', {
        task: result.task,
        task_display_name: result.task,
        configurations: [row],
        ...(result.setup['modality'] === undefined ? {} : { architecture: 'diffusion' }),
      })
      expect(read([file]).results[0]?.result_id).toBe(result.result_id)
    }
  })
})

describe('a row of a table of runs', () => {
  it('is a result with the joules, means and counts that task files leave out', () => {
    const result = only(runRow())
    expect(result.findings).toEqual([])
    expect(result).toMatchObject({ task: 'gpqa', valid: true })
    const told = ['energy_gpu_j', 'itl_ms_mean', 'output_tokens', 'requests_completed'].map(
      (id) => [result.metrics[id]?.value, result.metrics[id]?.window],
    )
    expect(told).toEqual([
      [24_000, 'steady'],
      [11, 'run'],
      [20_000, 'run'],
      [100, 'run'],
    ])
    expect(result.foreign['runs.seed']).toBe(48105)
    const [same] = read([task([tokenRow()])]).results
    expect(result.result_id).toBe(same?.result_id)
  })

  it('is invalid where its joules, or its tokens, contradict it', () => {
    const broken = only(runRow({ steady_state_energy_joules: 48_000 }))
    expect(broken.valid).toBe(false)
    expect(broken.findings[0]?.message).toMatch(
      /\(raw\): steady_state_energy_joules is 48000, and avg_power_watts × steady_state_duration_seconds gives 24000/,
    )
    expect(only(runRow({ completed_requests: 90 })).valid).toBe(false)
  })

  it('has a caution wherever it is not told to be stable', () => {
    expect(codes(only(runRow({ is_stable: false })))).toEqual([['no_steady_window', 'caution']])
    expect(codes(only(runRow({ unstable_reason: 'failed_to_load_results:x' })))).toEqual([
      ['no_steady_window', 'caution'],
    ])
    expect(codes(only(runRow({ is_stable: null })))).toEqual([['no_steady_window', 'caution']])
    const text = read([table([runRow({ is_stable: 'True' })])])
    expect(text.verdicts[0]?.faults).toEqual([
      { field: 'is_stable', message: 'is "True"; it must be true or false' },
    ])
    expect(text.results.map((r) => codes(r))).toEqual([[['no_steady_window', 'caution']]])
  })

  it('is judged by the tool’s rules where the table does not say', () => {
    const { is_stable: _, ...row } = runRow()
    expect(codes(only(row))).toEqual([])
    expect(codes(only({ ...row, avg_batch_size: 12 }))).toEqual([
      ['low_batch_utilisation', 'caution'],
    ])
    const short = { steady_state_duration_seconds: 12, steady_state_energy_joules: 9600 }
    expect(codes(only({ ...row, ...short }))).toEqual([['short_steady_state', 'caution']])
  })

  it('has null, and a fault with row and field, for what is missing, null, text or too large', () => {
    const { p99_itl_ms: _, ...short } = runRow()
    const big = { num_gpus: '9223372036854775807', model_id: 'b' }
    const { verdicts, results } = read([
      table([{ ...short, ...big, avg_power_watts: null, gpu_model: null }]),
    ])
    expect(verdicts[0]).toMatchObject({ file: 'runs/llm.parquet', row: 0, verdict: 'mapped' })
    expect(verdicts[0]?.faults).toEqual([
      { field: 'gpu_model', message: 'is null; it must be text' },
      {
        field: 'num_gpus',
        message: 'is "9223372036854775807"; it must be a whole number, 0 or more',
      },
      { field: 'avg_power_watts', message: 'is null; it must be a number' },
      { field: 'p99_itl_ms', message: 'is missing; it is a number' },
    ])
    expect(results[0]?.metrics['power_mean_w']).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
  })

  it('is lost without its model, alone', () => {
    const { verdicts, results } = read([
      table([runRow(), runRow({ model_id: null }), runRow({ seed: 2, avg_output_len: 200 })]),
    ])
    expect(results).toHaveLength(1)
    expect(verdicts.map((v) => v.verdict)).toEqual(['mapped', 'lost', 'ignored'])
    expect(verdicts[1]?.faults[0]).toEqual({
      field: 'model_id',
      message: 'is null; it must be text',
    })
  })

  it('names a field as the table does', () => {
    const { energy_per_image_joules: _, throughput_images_per_sec: rate, ...rest } = imageRow()
    const { image_height, image_width, ...row } = rest
    const told = {
      ...{ domain: 'diffusion', task: 'text-to-image', ...row, height: image_height },
      ...{ width: image_width, energy_per_generation_joules: null },
      throughput_generations_per_sec: rate,
    }
    const { verdicts } = read([table([told])])
    expect(verdicts[0]?.faults).toEqual([
      { field: 'energy_per_generation_joules', message: 'is null; it must be a number' },
    ])
  })

  it('keeps an unknown column under its own name, and passes over the number of a row', () => {
    const result = only(runRow({ cooling: 'water', __index_level_0__: 7 }))
    expect(result.foreign).toMatchObject({ cooling: 'water' })
    expect(result.foreign).not.toHaveProperty('__index_level_0__')
  })

  it('says so where its raw run is a result too', () => {
    const path = 'llm/h100/current/run/llm/gpqa/results/org/model/H100/a+1/results.json'
    const raw = jsonFile(`bundle/${path}`, { model_id: 'org/model', steady_state_energy: 1 })
    const [row] = read([raw, table([runRow({ results_path: path })])]).results.filter(
      (r) => r.kind === 'board',
    )
    expect(row?.provenance.notes).toEqual([
      `its raw run, bundle/${path}, is a result of its own: the two are one run`,
    ])
  })
})

describe('a table of something else', () => {
  it('is of no tool, and lost whole where the format is forced', () => {
    const power = table([{ timestamp_s: 1, gpu_index: 0, power_w: 300 }], 'timeseries.parquet')
    expect(IMPORTERS.filter((i) => i.detect(power))).toEqual([])
    expect(read([power]).verdicts).toMatchObject([
      { row: null, verdict: 'lost', message: 'is none of the files of this format' },
    ])
  })

  it(
    'is taken whatever its cells hold',
    () => {
      const odd = fc.constantFrom(
        null,
        undefined,
        '',
        'x',
        -1,
        0,
        1e300,
        true,
        false,
        '9'.repeat(20),
        { a: 1 },
      )
      const base = fc.constantFrom(runRow(), { domain: 'diffusion', task: 't', ...imageRow() })
      fc.assert(
        fc.property(base, fc.array(fc.tuple(fc.nat(), odd), { maxLength: 6 }), (row, changes) => {
          const names = Object.keys(row)
          const bad = Object.fromEntries(
            changes.map(([at, value]) => [names[at % names.length] as string, value]),
          )
          const rows = [{ ...row, ...bad }]
          const content = { form: 'table', columns: names, rows } as const
          const { results, verdicts } = read([{ path: 'x', sha256: 'x', notes: [], content }])
          expect(verdicts).toHaveLength(1)
          for (const result of results) {
            resultSchema.parse(result)
            if (bad['is_stable'] !== undefined && bad['is_stable'] !== true)
              expect(result.findings.length).toBeGreaterThan(0)
          }
        }),
        { numRuns: fuzzRuns(300) },
      )
    },
    fuzzRuns(60_000),
  )
})
