import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calibrateAnswerSchema } from '../../../analysis/schema/calibrate.ts'
import { calibrationSchema } from '../../../analysis/schema/calibration.ts'
import { summarySchema } from '../../../analysis/schema/summary.ts'
import { buildFakeCuda } from '../../support/fake-cuda/fake-cuda.ts'
import { buildFakeNvml, writeScript } from '../../support/fake-nvml/fake-nvml.ts'
import { type HttpDouble, httpDouble } from '../../support/http-double.ts'
import { AGENT, type Home, makeHome, run, start } from '../../support/programs.ts'

const GPU = 'GPU-00000000-0000-4000-8000-000000000000'
const IDLE_W = 110
/** The sensor reads 5 % low, the supply passes 0.9 on, the rest of the node draws 50 W. */
const TRUE_GAIN = 1.05
const nodeWatts = (read_w: number) => (50 + TRUE_GAIN * read_w) / 0.9

let dir: string
let home: Home
let plug: HttpDouble
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'llem-calibrate-'))
  const busy = join(dir, 'busy')
  writeFileSync(busy, '')
  // A plug that tells the mean of the last second and a half, to a tenth of a watt.
  plug = await httpDouble(() => ({ power: Math.round(nodeWatts(meanWatts(busy, 1.5)) * 10) / 10 }))
  home = makeHome({
    LLEM_NVML_PATH: buildFakeNvml(dir),
    LLEM_CUDA_PATH: buildFakeCuda(dir),
    LLEM_SYSFS_ROOT: join(dir, 'no-sysfs'),
    FAKE_NVML_BUSY_FILE: busy,
    FAKE_NVML_SCRIPT: writeScript(dir, [[0, '*', 'power_mw', IDLE_W * 1000]]),
  })
})
afterAll(async () => {
  home.remove()
  await plug.close()
  rmSync(dir, { recursive: true, force: true })
})

/** What the fake card drew on average, by what it wrote down of its own work. */
function meanWatts(busy: string, seconds: number): number {
  const end_us = Number(process.hrtime.bigint() / 1000n)
  const start_us = end_us - seconds * 1e6
  let joules = IDLE_W * seconds
  let from_us = start_us
  let now_w = 0
  for (const line of readFileSync(busy, 'utf8').trim().split('\n')) {
    const [t = Number.NaN, , mw = 0] = line.split(' ').map(Number)
    if (Number.isNaN(t)) continue
    const to_us = Math.min(Math.max(t, start_us), end_us)
    joules += (now_w * (to_us - from_us)) / 1e6
    from_us = to_us
    now_w = mw / 1000
  }
  return (joules + (now_w * (end_us - from_us)) / 1e6) / seconds
}

const meters = () =>
  `sensors.meters=[{source: plug, url: "${plug.url}", kind: json, path: power, interval_ms: 200, refresh_ms: 200, error_pct: 0.5}]`
const calibrate = (args: readonly string[], options: { input?: string } = {}) =>
  run(AGENT, ['calibrate', ...args], home, options)
const SHORT = ['--steps', '2', '--step-seconds', '2', '--settle-seconds', '1.6']

describe('llem-agent calibrate', () => {
  it('finds gain and offset against a plug, stores them, and runs to come are corrected', async () => {
    const ended = await calibrate([
      ...[...SHORT, '--set', meters(), '--psu-efficiency', '0.9+-0.01', '--json'],
      ...['--out', 'calibrated'],
    ])
    expect(ended.code, ended.stderr).toBe(0)
    const answer = calibrateAnswerSchema.parse(JSON.parse(ended.stdout))
    expect(answer).toMatchObject({
      device_id: GPU,
      driver_version: '580.00.00',
      meter: `plug ${plug.url}`,
      psu_efficiency: 0.9,
      bundle: join(home.dir, 'calibrated'),
    })
    const recorded = JSON.parse(readFileSync(join(home.dir, 'calibrated/run.json'), 'utf8'))
    // What was asked of the load and the meter, and what the load was: no options of the command line, no paths.
    expect(recorded.environment.calibrate).toEqual({
      ...{ device: null, meter: 'plug', sees: 'node', steps: 2, step_s: 2, settle_s: 1.6 },
      ...{ load: 'kernels', kernel: expect.any(String) },
    })
    const ring = answer.results.find((r) => r.source === 'nvml_power_ring')
    expect(ring?.steps.map((s) => s.level)).toEqual([0, 1, 0.5, 0])
    const found = calibrationSchema.parse(ring?.calibration)
    expect(Math.abs(found.gain - TRUE_GAIN)).toBeLessThan(2 * found.gain_u)
    expect(found.gain_u).toBeLessThan(0.03)
    // Idle stays as it is read.
    expect(found.gain * IDLE_W + found.offset_w).toBeCloseTo(IDLE_W, 0)
    const stored = join(home.dir, 'state/llem/calibrations.json')
    expect(answer.stored).toBe(stored)
    expect(readdirSync(join(home.dir, 'state/llem')).filter((n) => n.endsWith('.tmp'))).toEqual([])

    const shown = await calibrate(['--show'])
    expect(shown.stdout).toContain(`${GPU} nvml_power_ring`)

    const measured = await run(
      AGENT,
      [
        ...['measure', '--baseline', '0.3', '--set', 'phases.cooldown_s=0.3', '--out', 'run'],
        ...['--json', '--', 'sleep', '1'],
      ],
      home,
    )
    const [summary] = (JSON.parse(measured.stdout) as { runs: unknown[] }).runs
    const { metrics } = summarySchema.parse(summary)
    const power = metrics['power_mean_w']
    expect(power?.value).toBeCloseTo(found.gain * IDLE_W + found.offset_w, 3)
    const { environment } = JSON.parse(readFileSync(join(home.dir, 'run/run.json'), 'utf8'))
    expect(environment.calibrations).toContainEqual(expect.objectContaining({ gain: found.gain }))
    expect(readFileSync(join(home.dir, 'run/report.html'), 'utf8')).toContain('is calibrated: gain')

    // Another driver: kept in the record, not applied, and said.
    const file = JSON.parse(readFileSync(stored, 'utf8'))
    for (const c of file.calibrations) c.driver_version = '570.1'
    writeFileSync(stored, JSON.stringify(file))
    const other = await run(
      AGENT,
      [
        ...['measure', '--baseline', '0.3', '--set', 'phases.cooldown_s=0.3', '--out', 'other'],
        ...['--json', '--', 'sleep', '1'],
      ],
      home,
    )
    expect(other.stderr).toContain('was made under driver 570.1, and this is 580.00.00')
    const [raw] = (JSON.parse(other.stdout) as { runs: unknown[] }).runs
    expect(summarySchema.parse(raw).metrics['power_mean_w']?.value).toBeCloseTo(IDLE_W, 1)
    expect(readFileSync(join(home.dir, 'other/report.html'), 'utf8')).toContain(
      'under driver 570.1, so it is not applied',
    )

    const forgotten = await calibrate(['--forget', '--device', 'GPU-0', '--json'])
    expect(JSON.parse(forgotten.stdout).forgotten.length).toBeGreaterThan(0)
    expect((await calibrate(['--show'])).stdout).toContain('no calibration yet')
  }, 120_000) // kernels are tried and three runs recorded, in real time

  it('takes typed readings, and refuses what can’t be told from them', async () => {
    // A load that draws nothing.
    const ended = await calibrate(
      [
        ...['--steps', '2', '--step-seconds', '0.4', '--settle-seconds', '0.2'],
        ...['--meter', 'typed', '--sees', 'device', '--load', 'sleep 100'],
      ],
      { input: 'nothing\n400.5\n400.5 W\n400,5\n0.4005 kW\n' },
    )
    expect(ended.code, ended.stderr).toBe(3)
    expect(ended.stderr).toContain('"nothing" is no reading in watts')
    expect(ended.stdout).toContain('not calibrated')
    expect(ended.stdout).toContain('too close together for a line')
    expect(ended.stdout).toContain('Nothing was stored')
  })

  it.each([
    [['--meter', 'plug'], '--meter: is plug, which is not configured'],
    [[], '--meter: is missing'],
    [['--meter', 'typed', '--set', 'phases.x=1'], '--set phases.x: is not for a calibration'],
    [['--meter', 'typed', '--device', 'GPU-9'], '--device: is GPU-9, which names no device'],
    [['--psu-efficiency', '0.9'], '0.94+-0.02'],
    [['--psu-efficiency', '0.94+-'], '0.94+-0.02'],
    [['--psu-efficiency', '0.94+-0.02+-7'], '0.94+-0.02'],
    [['--steps', '0'], 'whole number from 1 on'],
  ])('%j is refused with a sentence', async (args, words) => {
    const ended = await calibrate(args)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(words)
  })

  it('ends on Ctrl-C with what that means for a calibration, exit 130', async () => {
    const started = start(AGENT, ['calibrate', '--set', meters()], home)
    await new Promise<void>((said) =>
      started.child.stderr?.on('data', (part) => String(part).includes('Leave the node') && said()),
    )
    started.child.kill('SIGINT')
    const ended = await started.ended
    expect(ended.code, ended.stderr).toBe(130)
    expect(ended.stderr).toContain('Stopping: the load ends, and nothing is kept.')
    expect(ended.stderr).toContain('Stopped before its last step; nothing was kept.')
    expect(ended.stderr).not.toContain('requests')
  })

  it('says how long the steps must be for a meter that answers too seldom for them', async () => {
    const meter = `sensors.meters=[{source: plug, url: "${plug.url}", kind: json, path: power, interval_ms: 1000}]`
    const short = ['--steps', '1', '--step-seconds', '1.5', '--settle-seconds', '1']
    const ended = await calibrate([...short, '--set', meter])
    expect(ended.code, ended.stderr).toBe(3)
    expect(ended.stdout.replace(/\s+/g, ' ')).toMatch(
      /plug http\S+ answers about every [01]\.\d s, .* give --step-seconds [45] or more/,
    )
  })

  it('runs a command of the user’s for a share of the time', async () => {
    const ended = await calibrate(
      [
        ...['--steps', '1', '--step-seconds', '0.5', '--settle-seconds', '0.3', '--meter', 'typed'],
        ...['--load', 'exit 7'],
      ],
      { input: '1\n2\n3\n' },
    )
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('--load ended early (exit code 7)')
  })
})
