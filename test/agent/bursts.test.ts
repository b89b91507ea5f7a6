import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FILL_PTX, KERNEL, KERNELS } from '../../agent/bursts/kernels.ts'
import { expectedSeconds, planned } from '../../agent/bursts/plan.ts'
import { burstTable } from '../../agent/bursts/table.ts'
import { burstTarget } from '../../agent/bursts/target.ts'
import { judgeRecordedBursts } from '../../analysis/online/bursts.ts'
import { type BurstReport, doctorBurstsSchema } from '../../analysis/schema/bursts.ts'
import { parseJson } from '../../analysis/schema/json.ts'
import { STREAM_NAMES } from '../../analysis/schema/stream.ts'
import { buildFakeCuda } from '../support/fake-cuda/fake-cuda.ts'
import { buildFakeNvml, writeScript } from '../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run, SERVER, start } from '../support/programs.ts'
import { findPtxas } from '../support/ptxas.ts'
import { ROOT } from '../support/root.ts'

const GPU = 'GPU-00000000-0000-4000-8000-000000000000'
const IDLE_W = 110

let dir: string
let home: Home
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-bursts-'))
  writeFileSync(join(dir, 'busy'), '')
  home = makeHome({
    LLEM_NVML_PATH: buildFakeNvml(dir),
    LLEM_CUDA_PATH: buildFakeCuda(dir),
    FAKE_NVML_BUSY_FILE: join(dir, 'busy'),
    FAKE_NVML_SCRIPT: writeScript(dir, [[0, '*', 'power_mw', IDLE_W * 1000]]),
  })
})
afterAll(() => {
  home.remove()
  rmSync(dir, { recursive: true, force: true })
})

const doctor = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run(AGENT, ['doctor', '--bursts', ...args], { ...home, env: { ...home.env, ...env } })
const spools = () => {
  const spool = join(home.dir, 'state/llem/spool')
  return existsSync(spool) ? readdirSync(spool) : []
}

function readBundle(bundle: string) {
  const file = parseJson(readFileSync(join(bundle, 'run.json'), 'utf8'))
  const streams = join(bundle, 'streams')
  const chunks = readdirSync(streams).flatMap((process_id) =>
    STREAM_NAMES.flatMap((stream) => {
      const at = join(streams, process_id, stream)
      return (existsSync(at) ? readdirSync(at) : []).map((name) => ({
        ...{ process_id, stream, seq: Number(name.slice(0, 6)) },
        bytes: new Uint8Array(readFileSync(join(at, name))),
      }))
    }),
  )
  return { file, chunks }
}

/** What the fake card wrote down of its own work: µs, GPU, milliwatts beside idle from then on. */
const busyLines = () =>
  readFileSync(join(dir, 'busy'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number) as [number, number, number])

describe('doctor --bursts', () => {
  test('makes bursts of known work, records them as a bundle and judges them', async () => {
    const out = join(home.dir, 'out')
    // So little memory is free that one kernel can't be tried.
    const ended = await doctor(['--repeat', '3', '--lengths', '100', '--json', '--out', out], {
      FAKE_CUDA_FREE: '100000000',
    })
    expect(ended.stderr).toContain('kernel memory: cuMemAlloc_v2 failed: CUDA_ERROR_OUT_OF_MEMORY')
    const { bundle, reports } = doctorBurstsSchema.parse(JSON.parse(ended.stdout))
    expect(bundle).toBe(out)
    expect(reports).toHaveLength(1)
    const [report] = reports as [BurstReport]
    // Each reading in a gap caught the counter as it stepped.
    expect(new Set(report.groups.map((g) => g.single_against))).toEqual(new Set(['own_counter']))
    expect(report.device_id).toBe(GPU)
    expect(report.groups.map((g) => [g.load, g.length_ms, g.bursts])).toEqual([
      ['full', 100, 3],
      ['constant', 100, 3],
    ])
    // The fake card draws 590 W beside idle with random operands and half of that with zeros.
    for (const group of report.groups) {
      const watts = IDLE_W + (group.load === 'full' ? 590 : 295)
      const padded = group.forms.find((f) => f.form === 'ring_padded')
      expect(group.idle_w).toBeCloseTo(IDLE_W, 0)
      expect((padded?.mean_j ?? 0) / group.seconds / watts).toBeCloseTo(1, 1)
      expect(padded?.n).toBe(3)
    }
    expect(ended.code).toBe(report.goals_met === true ? 0 : 3)
    expect(spools()).toEqual([])

    const { file, chunks } = readBundle(out)
    const { environment, run: described, processes } = file as Record<string, never>
    expect(judgeRecordedBursts(file, chunks)).toEqual(reports)
    // The kernel that draws most here
    expect(environment).toMatchObject({
      bursts: { kernel: 'warpgroup', capability: 90, repeat: 3 },
    })
    expect(described).toMatchObject({ outcome: 'completed', experiment: { kind: 'measure' } })
    expect(processes).toContainEqual(expect.objectContaining({ role: 'worker', device_ids: [GPU] }))
    // Five trials of kernels, two of loads and 6 bursts, each work and its end, and the timing of kernels before.
    expect(busyLines().length).toBeGreaterThanOrEqual(2 * (5 + 2 + 6))
    expect(new Set(busyLines().map(([, , mw]) => mw))).toEqual(
      new Set([430_000, 540_000, 590_000, 250_000, 295_000, 0]),
    )

    const imported = await run(SERVER, ['import', out, '--db', home.db], home)
    expect(imported.stderr + imported.stdout).not.toMatch(/error/i)
    expect(imported.code).toBe(0)
  }, 90_000)

  test('interrupted before its first burst keeps nothing, and exits 130', async () => {
    const begun = start(AGENT, ['doctor', '--bursts'], home)
    await new Promise<void>((said) =>
      begun.child.stderr?.on('data', (part) => String(part).includes('kernel') && said()),
    )
    begun.child.kill('SIGINT')
    const ended = await begun.ended
    expect(ended.stderr).toContain('Stopped before the first burst; nothing was kept.')
    expect(ended.stderr).toContain('Stopping: the bursts that were recorded until now are kept')
    expect(ended.stderr).not.toContain('requests')
    expect(ended.code).toBe(130)
    expect(spools()).toEqual([])
  })

  test.each([
    [
      'without a GPU',
      ['--json'],
      { LLEM_NVML_PATH: '/nowhere/nvml.so' },
      'Bursts of known work need an NVIDIA GPU',
    ],
    [
      'without CUDA',
      [],
      { LLEM_CUDA_PATH: '/nowhere/cuda.so' },
      "CUDA's driver library could not be loaded (/nowhere/cuda.so: no such file)",
    ],
    [
      'where CUDA refuses',
      [],
      { FAKE_CUDA_INIT_RC: '100' },
      'cuInit failed: CUDA_ERROR_NO_DEVICE.',
    ],
    ['on a GPU that is not here', ['--device', 'GPU-77'], {}, '--device is GPU-77'],
  ])('says what is missing %s, and leaves nothing behind', async (_, args, env, sentence) => {
    const ended = await doctor(args, env)
    expect(ended.stderr).toContain(sentence)
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(spools()).toEqual([])
  })

  test.each([
    ['--repeat', '1'],
    ['--lengths', '100,x'],
    ['--kernel', 'heat'],
    ['--load', 'none'],
  ])('refuses %s %s', async (option, value) => {
    const ended = await doctor([option, value])
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(option)
  })
})

describe('the GPU that bursts are made on', () => {
  const gpu = (device_id: string, more = {}) => ({
    ...{ device_id, kind: 'gpu', vendor: 'nvidia' },
    ...more,
  })
  const ring = (device_id: string) => ({
    ...{ sensor_id: device_id, device_id },
    ...{ metric: 'gpu_power_mw', source: 'nvml_power_ring' },
  })
  const devices = [gpu('GPU-a', { vendor: 'amd' }), gpu('GPU-b1'), gpu('GPU-b2'), gpu('GPU-c')]
  const sensors = ['GPU-b2', 'GPU-c'].map(ring)

  test('is the first of NVIDIA with a ring', () => {
    expect(burstTarget(null, devices, sensors).device_id).toBe('GPU-b2')
  })
  test('is the one that is named by its beginning', () => {
    expect(burstTarget('GPU-c', devices, sensors).device_id).toBe('GPU-c')
  })
  test('must be named by one beginning alone', () => {
    expect(() => burstTarget('GPU-b', devices, sensors)).toThrow('names 2 GPUs')
  })
  test('must have a ring', () => {
    expect(() => burstTarget('GPU-b1', devices, sensors)).toThrow('nvml_power_ring')
  })
})

describe('the plan', () => {
  test('takes six minutes unless said otherwise', () => {
    // (2.87 s of work + 6 x 0.735 s of waits) x 2 loads x 20
    expect(expectedSeconds(planned({}))).toBeCloseTo((2.87 + 6 * 0.735) * 40, 6)
  })
})

describe('the table', () => {
  test('fits 80 columns', () => {
    const forms = (['ring_padded', 'ring_window', 'polled', 'counter'] as const).map((form) => ({
      ...{ form, n: 20, mean_j: 1432.1, mean_low_j: 1401.2, mean_high_j: 1466.6 },
      ...{ error_median_pct: -33.3, error_min_pct: -100, error_max_pct: 27.12 },
      ...{ error_95_pct: 100, within_stated_share: form === 'counter' ? null : 1 },
    }))
    const group = (length_ms: number) => ({
      ...{ load: 'full' as const, length_ms, launches: 5000, bursts: 20, seconds: 2.1234 },
      ...{ power_w: 701.2, idle_w: 118.3, reference_j: 1432.1, goal_pct: 0.5 },
      ...{
        reference_of: ['ring_padded' as const, 'counter' as const],
        reference_spread_pct: -12.3,
        single_against: 'own_counter' as const,
        reference_per_c_pct: null,
      },
      ...{ single: length_ms >= 100, goal_met: true, stated_met: false, forms },
    })
    const text = burstTable(
      {
        ...{ device_id: GPU, model: 'NVIDIA H100 80GB HBM3', limit_w: 700, goals_met: false },
        groups: [group(2000), group(50)],
      },
      false,
    )
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(text).toContain('goal 0.5 %: met; stated ranges hold 95 %: missed')
    // short ones first
    expect(text.indexOf('50 ms')).toBeLessThan(text.indexOf('2000 ms'))
  })
})

describe('kernels', () => {
  test('walk through a power of two of bytes, since they mask their offsets', () => {
    for (const { bytes } of Object.values(KERNEL)) expect(Math.log2(bytes) % 1).toBe(0)
  })

  test.each([...KERNELS, 'fill' as const])('%s assembles', (name) => {
    const path = join(dir, `${name}.ptx`)
    writeFileSync(path, name === 'fill' ? FILL_PTX : KERNEL[name].ptx)
    const ptxas = findPtxas(process.env['LLEM_TEST_CACHE'] ?? join(ROOT, '.cache'))
    execFileSync(ptxas, ['-arch=sm_90a', path, '-o', join(dir, `${name}.cubin`)])
  })
})
