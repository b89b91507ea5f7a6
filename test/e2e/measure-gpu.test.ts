import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import { readBundle } from '../../server/bundle/read-bundle.ts'
import { buildFakeNvml, writeScript } from '../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run, start } from '../support/programs.ts'
import { ROOT } from '../support/root.ts'

const IDLE_W = 100
const MORE_W = 300

let dir: string
let home: Home
let summary: Summary
let code: number | null

/** A program on a GPU that draws 300 W more within its windows: 5 of about 0.4 s, and 40 of 15 ms. */
const PROGRAM = `
import os, time
from llem_windows import window

def work(seconds):
    def draw(watts):
        with open(os.environ["FAKE_NVML_BUSY_FILE"], "a") as f:
            f.write("%d 0 %d\\n" % (time.monotonic_ns() // 1000, watts * 1000))
    draw(${MORE_W})
    time.sleep(seconds)
    draw(0)

for i in range(5):
    with window("long") as w:
        work(0.4)
        w.tokens = 100
    time.sleep(0.4)
for i in range(40):
    with window("short"):
        work(0.015)
    time.sleep(0.01)
time.sleep(0.3)
`

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'llem-measure-gpu-'))
  writeFileSync(join(dir, 'busy'), '')
  home = makeHome({
    LLEM_NVML_PATH: buildFakeNvml(dir),
    FAKE_NVML_SCRIPT: writeScript(dir, [[0, 0, 'power_mw', IDLE_W * 1000]]),
    FAKE_NVML_BUSY_FILE: join(dir, 'busy'),
    PYTHONPATH: join(ROOT, 'clients/python'),
    PYTHONDONTWRITEBYTECODE: '1',
  })
  const ended = await run(
    AGENT,
    ['measure', '--windows', 'w.sock', '--json', '--', 'python3', '-c', PROGRAM],
    home,
  )
  code = ended.code
  expect(ended.stdout, ended.stderr).toContain('"runs"')
  summary = summarySchema.parse(JSON.parse(ended.stdout).runs[0])
})
afterAll(() => {
  home.remove()
  rmSync(dir, { recursive: true, force: true })
})

const group = (name: string) => summary.windows.find((w) => w.name === name)
const value = (name: string, metric: string) => group(name)?.metrics[metric]?.value ?? Number.NaN

describe('a program on a GPU, measured', () => {
  it('has the GPU’s joules from its start to its end, by the ring', () => {
    const energy = summary.metrics['energy_compute_j']
    const seconds = summary.window?.duration_s ?? 0
    expect(energy).toMatchObject({ provenance: 'nvml_power_ring', scope: 'gpu' })
    expect(summary.metrics['energy_gpu_j']?.value).toBe(energy?.value)
    // What it drew: idle throughout, and more within its windows.
    const busy_s = (group('long')?.duration_s ?? 0) + (group('short')?.duration_s ?? 0)
    const truth = IDLE_W * seconds + MORE_W * busy_s
    expect((energy?.value ?? 0) / truth).toBeCloseTo(1, 1)
    expect(summary.metrics['idle_cold_w']?.value).toBeCloseTo(IDLE_W, 0)
    const above = summary.metrics['energy_above_idle_j']?.value ?? Number.NaN
    expect(above / (MORE_W * busy_s)).toBeCloseTo(1, 1)
    expect(summary.devices.map((d) => [d.kind, d.used])).toContainEqual(['gpu', true])
    expect(summary.devices.filter((d) => d.used)).toHaveLength(1)
    expect([0, 3]).toContain(code)
  })

  it('has the joules of each of its windows', () => {
    const long = group('long')
    expect(long).toMatchObject({ n: 5, unclosed: 0, tokens: 500 })
    const truth = (IDLE_W + MORE_W) * (long?.duration_s ?? 0)
    expect(value('long', 'energy_compute_j') / truth).toBeGreaterThan(0.9)
    expect(value('long', 'energy_compute_j') / truth).toBeLessThan(1.1)
    expect(value('long', 'energy_per_token_j')).toBeCloseTo(
      value('long', 'energy_compute_j') / 500,
      9,
    )
  })

  it('has a mean of windows that are too short to be told one by one', () => {
    const short = group('short')
    expect(short).toMatchObject({ n: 40 })
    // 15 ms are less than one entry of the ring, so what is beside them is in them too.
    const truth = ((IDLE_W + MORE_W) * (short?.duration_s ?? 0)) / 40
    expect(value('short', 'energy_compute_j_mean') / truth).toBeGreaterThan(0.6)
    expect(value('short', 'energy_compute_j_mean') / truth).toBeLessThan(1.2)
  })
})

describe('a program on a GPU, ended by Ctrl-C', () => {
  it('has its joules up to then', async () => {
    const args = [
      'measure',
      '--baseline',
      '0',
      '--json',
      '--',
      'sh',
      '-c',
      'echo ready >&2; exec sleep 30',
    ]
    const started = start(AGENT, args, home)
    await new Promise<void>((said) =>
      started.child.stderr?.on('data', (part) => String(part).includes('ready') && said()),
    )
    await new Promise((r) => setTimeout(r, 1000))
    started.child.kill('SIGINT')
    const ended = await started.ended
    expect(ended.code, ended.stderr).toBe(130)
    const stopped = summarySchema.parse(JSON.parse(ended.stdout).runs[0])
    const seconds = stopped.window?.duration_s ?? 0
    expect(seconds).toBeGreaterThan(0.9)
    expect((stopped.metrics['energy_gpu_j']?.value ?? 0) / (IDLE_W * seconds)).toBeCloseTo(1, 1)
  })
})

describe('a program that waits for settled temperatures', () => {
  // The fake card is at 45 °C throughout.
  const settle = (rule: string, ...args: string[]) => [
    ...['measure', '--baseline', '0', '--set', `phases.settle={${rule}}`, ...args],
  ]

  it('goes on when the GPUs are cool enough, and says so in the record', async () => {
    const args = settle('below_c: 46', '--no-server', '--out', 'cool', '--', 'true')
    const ended = await run(AGENT, args, home)
    expect(ended.code, ended.stderr).toBe(0)
    expect(settledOf('cool')).toMatchObject({ outcome: 'settled', by: 'below_c' })
  })

  it('goes on after the limit, with a finding', async () => {
    const rule = 'below_c: 40, slope_c_per_min: null, limit_s: 1'
    const ended = await run(AGENT, settle(rule, '--json', '--', 'true'), home)
    expect(ended.stderr).toContain(
      'Waiting for the GPUs to be below 40 °C, 1 s at most (now 45 °C)',
    )
    const warm = summarySchema.parse(JSON.parse(ended.stdout).runs[0])
    expect(warm.findings.map((f) => f.code)).toContain('thermal_not_settled')
  })

  it('ends on Ctrl-C with 130, without having started the program', async () => {
    for (const served of [
      ['--', 'touch', 'started'],
      ['--windows', 'settle.sock'],
    ]) {
      const rule = 'below_c: 40, slope_c_per_min: null'
      const started = start(AGENT, settle(rule, '--no-server', ...served), home)
      await new Promise<void>((said) =>
        started.child.stderr?.on('data', (part) => String(part).includes('Waiting') && said()),
      )
      started.child.kill('SIGINT')
      const ended = await started.ended
      expect(ended.code, ended.stderr).toBe(130)
    }
    expect(existsSync(join(home.dir, 'started'))).toBe(false)
  })
})

function settledOf(bundle: string): unknown {
  const { run: described, chunks } = readBundle(join(home.dir, bundle))
  const { events } = decodeRun(
    described.file,
    chunks.map((c) => ({ ...c, bytes: c.read() })),
  )
  return JSON.parse(events.find((e) => e.code === 'thermal_settle')?.detail ?? 'null')
}

describe('a host whose GPUs can’t be told', () => {
  it('says so at once, and measures the CPU', async () => {
    const refusing: Home = { ...home, env: { ...home.env, FAKE_NVML_INIT_RC: '9' } }
    const args = ['measure', '--baseline', '0', '--no-server', '--out', 'refused', '--', 'true']
    const ended = await run(AGENT, args, refusing)
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain('Load the driver with: sudo modprobe nvidia')
  })

  it('says at once which meter can’t be read', async () => {
    const meter = 'sensors.meters=[{source: plug, url: http://127.0.0.1:1, kind: tasmota}]'
    const args = ['measure', '--baseline', '0', '--set', meter, '--no-server', '--', 'true']
    const ended = await run(AGENT, args, home)
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain('http://127.0.0.1:1')
  })

  it('refuses a device that is not here before it starts anything, exit 2', async () => {
    const args = ['measure', '--set', 'devices=[7]', '--no-server', '--', 'touch', 'started']
    const ended = await run(AGENT, args, home)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('devices.0: is 7, which names no device of this host')
    expect(existsSync(join(home.dir, 'started'))).toBe(false)
  })
})
