import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { clockFacts, cpuLimit, spoolFacts } from '../../../agent/doctor/host-facts.ts'
import { environmentOf, throttleNames, worthKnowing } from '../../../agent/doctor/settings.ts'
import { verdictOf } from '../../../agent/doctor/verdict.ts'
import type { DoctorSource } from '../../../analysis/schema/doctor.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-doctor-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function tree(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return { sysfsRoot: join(dir, 'sys'), procRoot: join(dir, 'proc') }
}

describe("the control group's limit", () => {
  test('is quota over period', () => {
    const roots = tree({
      'proc/self/cgroup': '0::/job\n',
      'sys/fs/cgroup/job/cpu.max': '150000 100000\n',
    })
    expect(cpuLimit(roots)).toBe(1.5)
  })
  test('is the least of the group and those above it', () => {
    const roots = tree({
      'proc/self/cgroup': '0::/pod/job\n',
      'sys/fs/cgroup/pod/cpu.max': '200000 100000\n',
      'sys/fs/cgroup/pod/job/cpu.max': 'max 100000\n',
    })
    expect(cpuLimit(roots)).toBe(2)
  })
  test('of a container that sees only its own root is there', () => {
    const roots = tree({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cpu.max': '400000 100000\n',
    })
    expect(cpuLimit(roots)).toBe(4)
  })
  test('of version 1 is quota over period too', () => {
    const roots = tree({
      'proc/self/cgroup': '4:memory:/x\n3:cpu,cpuacct:/slurm/job\n',
      'sys/fs/cgroup/cpu/slurm/job/cpu.cfs_quota_us': '300000\n',
      'sys/fs/cgroup/cpu/slurm/job/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    })
    expect(cpuLimit(roots)).toBe(3)
  })
  test('is null without one', () => {
    expect(cpuLimit(tree({ 'proc/self/cgroup': '0::/\n' }))).toBeNull()
    expect(cpuLimit({ sysfsRoot: '/nowhere', procRoot: '/nowhere' })).toBeNull()
  })
})

describe('the spool', () => {
  test('that is not made yet is judged by where it would be, and not made', () => {
    const spool = join(dir, 'not/yet/here')
    expect(spoolFacts(spool)).toMatchObject({ dir: spool, writable: true, fix: null })
    expect(spoolFacts(spool).free_bytes).toBeGreaterThan(0)
  })
  test('where nothing can be made says so', () => {
    writeFileSync(join(dir, 'file'), '')
    const facts = spoolFacts(join(dir, 'file/spool'))
    expect(facts.writable).toBe(false)
    expect(facts.fix).toContain(`${join(dir, 'file')} can't be written`)
    expect(facts.fix).toContain('LLEM_SPOOL')
  })
})

test('the clock is compared with the wall anew', () => {
  let mono = 1_000_000_000n
  let wall_ns = 0n
  const time = {
    monotonic() {
      mono += 100n
      return mono
    },
    wallMs: () => Number((mono + wall_ns + 1_700_000_000_000_000_000n) / 1_000_000n),
    uptime_s: () => 0,
  }
  const clock = createClock(time)
  const before = clock.anchor()
  mono += 2_000_000_000n
  wall_ns = 700_000n // a step of 0.7 ms, which the clock itself lets pass
  const facts = clockFacts(clock, before, time)
  expect(facts.monotonic_step_ns).toBe(100)
  expect(facts.seconds).toBeCloseTo(2, 2)
  expect(facts.wall_drift_ns).toBeGreaterThan(690_000)
  expect(facts.wall_drift_ns).toBeLessThan(710_000)
})

describe('settings worth knowing', () => {
  test('are told with what to type where another measures better', () => {
    expect(
      worthKnowing({ persistence_mode: false, ecc_mode: true, compute_mode: 'default' }, 3),
    ).toEqual([
      {
        setting: 'persistence_mode',
        value: false,
        advice: expect.stringContaining('sudo nvidia-smi -i 3 -pm 1'),
      },
      { setting: 'ecc_mode', value: true, advice: null },
      { setting: 'compute_mode', value: 'default', advice: null },
    ])
  })
  test('a limit below the usual one is told', () => {
    const limits = { power_limit_default_w: 700, power_limit_enforced_w: 500 }
    expect(worthKnowing(limits, 0)).toEqual([
      {
        setting: 'power_limit_enforced_w',
        value: 500,
        advice: 'below the usual 700 W: results hold for this limit',
      },
    ])
  })
  test('what the driver does not tell is left out', () => {
    expect(worthKnowing({ mig_mode: null, power_smoothing: undefined }, 0)).toEqual([])
  })
  test('are found in what any driver tells of its environment', () => {
    const environment = {
      cpu_estimate: { tdp_w: 65 },
      nvml: {
        driver_version: '580.1',
        devices: { a: { settings: { mig_mode: true } }, b: {} },
        processes: { devices: { a: [{ pid: 7, name: 'python', kind: 'compute' }], b: null } },
      },
    }
    expect(environmentOf(environment, 'a')).toEqual({
      ...{ driver: '580.1', settings: { mig_mode: true } },
      processes: [{ pid: 7, name: 'python' }],
    })
    expect(environmentOf(environment, 'b')).toMatchObject({ settings: {}, processes: null })
    expect(environmentOf(environment, 'c').driver).toBeNull()
  })
})

test('clocks are held by every reason but idling', () => {
  // idle 0x1, software power cap 0x4, hardware thermal 0x40
  expect(throttleNames(0x45)).toEqual(['sw_power_cap', 'hw_thermal'])
  expect(throttleNames(0x1)).toEqual([])
  expect(throttleNames(null)).toBeNull()
})

describe('the verdict', () => {
  const source = (more: Partial<DoctorSource>): DoctorSource => ({
    ...{ sensor_id: 's', source: 'rapl', metric: 'cpu_energy_uj', scope: null, unit: 'uJ' },
    ...{ energy: true, measured: true, value: 1, reason: null, fault: null, changes: 0 },
    ...{ period_ms: null, period_by: 'changes', step: null, stated_period_ms: null },
    ...{ averaging_ms: null, duty: null, accuracy: null },
    call: { n: 1, median_us: 1, p99_us: 1 },
    ...more,
  })
  const device = (kind: string, ...sources: DoctorSource[]) => ({ device_id: kind, kind, sources })
  const estimate = source({ source: 'cpu_estimate', measured: false })

  test('trusts what is measured, and names what is estimated', () => {
    const gpu = device('gpu', source({ source: 'nvml_power_ring' }))
    expect(verdictOf([gpu, gpu, device('cpu_package', estimate)])).toEqual({
      trusted: true,
      sentence: 'Measured: 2 × GPU. Only estimated: processor.',
    })
  })
  test('counts a processor where all its packages can be read', () => {
    const read = device('cpu_package', source({}))
    const garbage = device('cpu_package')
    const cores = device('cpu_package', source({ metric: 'cpu_core_energy_uj', scope: 'core' }))
    const gpu = device('gpu', source({ source: 'nvml_power_ring' }))
    expect(verdictOf([read, read])).toEqual({ trusted: true, sentence: 'Measured: 2 × processor.' })
    for (const half of [garbage, cores]) {
      expect(verdictOf([read, half])).toEqual({
        trusted: false,
        sentence:
          'Nothing can be measured in whole here. Not counted: processor, since only 1 of its 2 packages can be read. Results will be marked estimate_only, and never ranked.',
      })
      expect(verdictOf([gpu, read, half])).toEqual({
        trusted: true,
        sentence:
          'Measured: GPU. Not counted: processor, since only 1 of its 2 packages can be read.',
      })
    }
    expect(verdictOf([read, device('cpu_package', estimate)])).toMatchObject({
      ...{ trusted: false, sentence: expect.stringContaining('only 1 of its 2 packages') },
    })
  })

  test('does not trust estimates alone', () => {
    expect(verdictOf([device('cpu_package', estimate)])).toEqual({
      trusted: false,
      sentence:
        'Nothing is measured, only estimated: processor. Results will be marked estimate_only, and never ranked.',
    })
  })
  test.each([
    ['without a reading', source({ value: null, reason: 'lost' })],
    ['that throws', source({ fault: 'broken' })],
    ['that is a limit', source({ metric: 'gpu_power_limit_mw' })],
    ['that is a part', source({ metric: 'cpu_core_energy_uj' })],
    ['that is no energy', source({ metric: 'gpu_temperature_c', energy: false })],
  ])('does not trust a source %s', (_, broken) => {
    expect(verdictOf([device('gpu', broken)])).toMatchObject({
      ...{ trusted: false, sentence: expect.stringContaining('Nothing can be measured here.') },
    })
  })
})
