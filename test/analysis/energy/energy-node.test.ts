import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SensorRow } from '../../../analysis/schema/sensor.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, power, readings, request, runOf } from '../../support/run-fixture.ts'

const CPU = 'cpu_package:0'
const NODE = 'node:0'
/** A minute of phase measure, which is the counted window. */
const PHASES = { idle: [-30, 0], measure: [0, 60], cooldown: [60, 66] } as const

const meter = (source: string, more: Partial<SensorRow> = {}): SensorRow => ({
  sensor_id: `${more.device_id ?? NODE}:${source}`,
  device_id: NODE,
  metric: 'node_power_mw',
  source,
  scope: 'node',
  accuracy: { gain_rel: 0.05, basis: 'assumed' },
  ...more,
})
/** One reading a second, from before the window to after it. */
const nodePower = (row: SensorRow, watts: (t: number) => number | null, every = 1, to = 65) =>
  power({
    sensor_id: row.sensor_id,
    device_id: row.device_id,
    metric: 'node_power_mw',
    from: -5,
    to,
    every,
    watts,
  })
const gpuPower = (watts: number) => power({ from: -1, to: 62, every: 0.5, watts: () => watts })
const cpuEnergy = (watts: number, metric = 'cpu_energy_uj', device = CPU) =>
  readings(
    metric,
    device,
    Array.from({ length: 70 }, (_, i): [number, number] => [i - 5, 1 + i * watts * 1e6]),
  )

/** A GPU at 300 W and a processor at 100 W, with whatever measures the node. */
const served = (sensors: readonly SensorRow[], samples: Fixture['samples']): Fixture => ({
  phases: PHASES,
  devices: [
    { device_id: GPU, kind: 'gpu' },
    { device_id: CPU, kind: 'cpu_package' },
    ...[...new Set(sensors.map((s) => s.device_id))].map((device_id) => ({
      device_id,
      kind: device_id === NODE ? 'node' : 'supply',
    })),
  ],
  sensors: [...sensors],
  samples: [...gpuPower(300), ...cpuEnergy(100), ...(samples ?? [])],
})
const summary = (fixture: Fixture) => summarise(runOf(fixture))
const metrics = (fixture: Fixture) => summary(fixture).metrics

const PLUG = meter('plug')

describe('the energy of the node', () => {
  test('is that of its meter, and what GPU and host leave of it is overhead', () => {
    const found = metrics(
      served(
        [PLUG],
        nodePower(PLUG, () => 500),
      ),
    )
    expect(found['energy_node_j']).toMatchObject({
      value: expect.closeTo(30_000, 6),
      provenance: 'plug',
      scope: 'node',
    })
    // 500 - 300 - 100 W
    expect(found['energy_overhead_j']?.value).toBeCloseTo(6000, 6)
  })

  test('overhead carries the doubt of the meter and of all parts', () => {
    const found = metrics(
      served(
        [PLUG],
        nodePower(PLUG, () => 500),
      ),
    )
    // 5 % of 500 W, 15 W of 300 W and 5 % of 100 W, each / sqrt 3 x 60 s; three makers: in quadrature
    const standard = (Math.hypot(25, 15, 5) / Math.sqrt(3)) * 60
    const overhead = found['energy_overhead_j']
    expect(((overhead?.high ?? 0) - (overhead?.value ?? 0)) / 2).toBeCloseTo(standard, 0)
  })

  test('is null without a meter, with what the agent said of it, and never zero', () => {
    expect(metrics(served([], []))).toMatchObject({
      energy_node_j: { value: null, reason: 'not_recorded' },
      energy_overhead_j: { value: null, reason: 'not_recorded' },
    })
    const environment = {
      missing_sensors: [{ source: 'redfish', device_id: NODE, reason: 'permission_denied' }],
    }
    expect(metrics({ ...served([], []), environment })).toMatchObject({
      energy_node_j: { value: null, reason: 'permission_denied' },
      energy_overhead_j: { value: null, reason: 'permission_denied' },
    })
  })

  test('is null on a laptop that hangs on mains, and says so', () => {
    const battery = meter('battery')
    const samples = nodePower(battery, () => null).map((r) => ({ ...r, reason: 'on_mains' }))
    expect(metrics(served([battery], samples))['energy_node_j']).toMatchObject({
      value: null,
      reason: 'on_mains',
    })
  })

  test('of two meters is that of the surer, not their sum', () => {
    const bmc = meter('redfish', { accuracy: { gain_rel: 0.08, basis: 'assumed' } })
    const samples = [...nodePower(bmc, () => 490), ...nodePower(PLUG, () => 500)]
    const found = metrics(served([bmc, PLUG], samples))
    expect(found['energy_node_j']?.value).toBeCloseTo(30_000, 6)
    const device = summary(served([PLUG, bmc], samples)).devices.find((d) => d.device_id === NODE)
    expect(device?.estimates?.map((e) => [e.source, Math.round(e.energy_j ?? 0)])).toEqual([
      ['plug', 30_000],
      ['redfish', 29_400],
    ])
  })

  test('is the sum of its power supplies, and unknown where one of them is not read', () => {
    const [a, b] = ['psu1', 'psu2'].map((name) =>
      meter('plug', { device_id: `supply:${name}`, scope: 'supply' }),
    ) as [SensorRow, SensorRow]
    const both = served([a, b], [...nodePower(a, () => 240), ...nodePower(b, () => 260)])
    expect(metrics(both)['energy_node_j']).toMatchObject({
      value: expect.closeTo(30_000, 6),
      scope: 'supply',
    })
    expect(
      metrics(
        served(
          [a, b],
          nodePower(a, () => 240),
        ),
      )['energy_node_j'],
    ).toMatchObject({
      value: expect.closeTo(14_400, 6),
    })
    const environment = {
      missing_sensors: [{ source: 'plug', device_id: 'supply:psu2', reason: 'lost' }],
    }
    expect(
      metrics({
        ...served(
          [a],
          nodePower(a, () => 240),
        ),
        environment,
      })['energy_node_j'],
    ).toMatchObject({ value: null, reason: 'lost' })
  })

  test('needs a reading on both sides of the window', () => {
    const samples = nodePower(PLUG, () => 500, 1, 59)
    expect(metrics(served([PLUG], samples))['energy_node_j']).toMatchObject({
      value: null,
      reason: 'window_not_bracketed',
    })
  })

  test('that is less than its parts, beyond all doubt, is a finding', () => {
    const low = summary(
      served(
        [PLUG],
        nodePower(PLUG, () => 250),
      ),
    )
    expect(low.findings.find((f) => f.code === 'node_below_parts')).toMatchObject({
      severity: 'caution',
      evidence: { source: 'plug' },
    })
    expect(low.metrics['energy_overhead_j']?.value).toBeCloseTo(-9000, 6)
    const near = summary(
      served(
        [PLUG],
        nodePower(PLUG, () => 395),
      ),
    )
    expect(near.findings.map((f) => f.code)).not.toContain('node_below_parts')
  })

  test('is below its parts where the GPUs alone draw more, though the host is not measured', () => {
    const found = summary({
      ...served([PLUG], []),
      samples: [...gpuPower(300), ...nodePower(PLUG, () => 100)],
    })
    expect(found.metrics['energy_overhead_j']?.value).toBeNull()
    expect(found.findings.find((f) => f.code === 'node_below_parts')?.message).toContain(
      'less than the GPUs alone',
    )
  })

  test('parts and overhead are the node, whatever is drawn', () => {
    const watts = fc.double({ min: 1, max: 3000, noNaN: true })
    fc.assert(
      fc.property(watts, watts, watts, (node, gpu, cpu) => {
        const found = metrics({
          ...served([PLUG], []),
          samples: [...gpuPower(gpu), ...cpuEnergy(cpu), ...nodePower(PLUG, () => node)],
        })
        const value = (id: string) => found[id]?.value ?? Number.NaN
        expect(
          value('energy_gpu_j') + value('energy_host_j') + value('energy_overhead_j'),
        ).toBeCloseTo(value('energy_node_j'), 5)
      }),
      { numRuns: 30 },
    )
  })
})

describe('a slow meter', () => {
  const WINDOW = { idle: [-30, 0], measure: [0, 10], cooldown: [10, 20] } as const
  const busy = (t: number) => (t > 0 && t <= 10 ? 1000 : 600)
  const parts = (sensors: SensorRow[], samples: Fixture['samples']) =>
    new Map(
      (
        metrics({ ...served(sensors, samples), phases: WINDOW })['energy_node_j']?.components ?? []
      ).map((c) => [c.name, c.value]),
    )

  test('says little of a short window: its readings may be old at both edges', () => {
    const row = meter('redfish', { lag_ms: 2000, accuracy: { gain_rel: 0.01, basis: 'vendor' } })
    const found = parts([row], nodePower(row, busy))
    // 400 W at either edge for up to 2 s: 400 x 2 x sqrt 2 / sqrt 3
    expect(found.get('u_lag_j')).toBeCloseTo((400 * 2 * Math.SQRT2) / Math.sqrt(3), 3)
    const value = metrics({ ...served([row], nodePower(row, busy)), phases: WINDOW })
    const node = value['energy_node_j']
    const share = ((node?.high ?? 0) - (node?.value ?? 0)) / (node?.value ?? 1)
    expect(share).toBeGreaterThan(0.1)
  })

  test('is as sure as its gain where power does not change', () => {
    const row = meter('redfish', { lag_ms: 2000 })
    expect([
      ...parts(
        [row],
        nodePower(row, () => 700),
      ).keys(),
    ]).toEqual(['u_sensor_j'])
  })

  test('that takes long to answer is the less sure of when', () => {
    const row = meter('redfish', { lag_ms: 2000 })
    const span = { ...row, sensor_id: `${row.sensor_id}:span`, metric: 'meter_span_ms' }
    const spans = [0, 1, 2].map((t) => ({
      t_ns: t * 1e9,
      device_id: NODE,
      sensor_id: span.sensor_id,
      metric: 'meter_span_ms',
      value: t === 1 ? 3000 : 20,
    }))
    const found = parts([row, span], [...nodePower(row, busy), ...spans])
    // Half of the three seconds is added to the two
    expect(found.get('u_lag_j')).toBeCloseTo((400 * 3.5 * Math.SQRT2) / Math.sqrt(3), 3)
  })
})

describe('modules', () => {
  const requests = [request('a', 1, 2, 59, 100)]
  const rail = (label: string, watts: number) => ({
    row: meter('ina3221', {
      sensor_id: `rail:${label}`,
      device_id: `rail:${label}`,
      metric: 'rail_power_mw',
      scope: 'rail',
    }),
    samples: power({
      sensor_id: `rail:${label}`,
      device_id: `rail:${label}`,
      metric: 'rail_power_mw',
      from: -1,
      to: 62,
      every: 0.1,
      watts: () => watts,
    }),
  })
  const soc = (more: object = {}) => ({ device_id: 'soc:0', kind: 'soc', ...more })
  const railDevice = (label: string, parent: string) => ({
    device_id: `rail:${label}`,
    kind: 'rail',
    parent_device_id: parent,
  })
  const worker = (...device_ids: string[]) => [{ process_id: 'p1', role: 'worker', device_ids }]

  /** A Jetson with a monitor at its input: 20 W, of which 12 go through the shared rail. */
  const shared = rail('VDD_CPU_GPU_CV', 12)
  const INPUT = meter('ina3221', {
    sensor_id: 'soc:0:ina3221',
    device_id: 'soc:0',
    metric: 'module_power_mw',
    scope: 'module',
  })
  const nano: Fixture = {
    phases: PHASES,
    requests,
    devices: [soc(), railDevice('VDD_CPU_GPU_CV', 'soc:0')],
    processes: worker('soc:0'),
    sensors: [INPUT, shared.row],
    samples: [
      ...power({
        sensor_id: INPUT.sensor_id,
        device_id: 'soc:0',
        metric: 'module_power_mw',
        from: -1,
        to: 62,
        every: 0.1,
        watts: () => 20,
      }),
      ...shared.samples,
    ],
  }

  test('of a Jetson are charged whole, by their input, and their rails not again', () => {
    const found = summary(nano)
    expect(found.metrics['energy_compute_j']).toMatchObject({
      value: expect.closeTo(1200, 6),
      scope: 'module',
    })
    expect(found.metrics['energy_total_j']?.value).toBeCloseTo(1200, 6)
    expect(found.metrics['energy_host_j']).toMatchObject({ value: null })
    expect(found.findings.map((f) => f.code)).toContain('scope_exceeds_workload')
  })

  test('stand for a GPU that tells no power of its own', () => {
    const found = metrics({
      ...nano,
      devices: [{ device_id: GPU, kind: 'gpu' }, ...(nano.devices ?? [])],
      processes: worker(GPU),
    })
    expect(found['energy_gpu_j']).toMatchObject({ value: expect.closeTo(1200, 6), scope: 'module' })
    expect(found['energy_total_j']?.value).toBeCloseTo(1200, 6)
  })

  test('without a monitor at the input are the sum of their rails, unless one is not read', () => {
    const rails = [rail('VDD_GPU_SOC', 10), rail('VIN_SYS_5V0', 6), rail('VDDQ', 2)]
    const agx: Fixture = {
      ...nano,
      devices: [
        soc({ made_of: ['rail:VDD_GPU_SOC', 'rail:VIN_SYS_5V0'] }),
        railDevice('VDD_GPU_SOC', 'soc:0'),
        railDevice('VIN_SYS_5V0', 'soc:0'),
        railDevice('VDDQ', 'rail:VIN_SYS_5V0'),
      ],
      sensors: rails.map((r) => r.row),
      samples: rails.flatMap((r) => r.samples),
    }
    // 10 + 6 W: the memory's 2 W are in the second
    expect(metrics(agx)['energy_compute_j']?.value).toBeCloseTo(960, 6)
    expect(metrics(agx)['energy_total_j']?.value).toBeCloseTo(960, 6)
    const samples = (rails[0]?.samples ?? []).concat(rails[2]?.samples ?? [])
    expect(metrics({ ...agx, samples })['energy_compute_j']).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
  })

  test('of a superchip are read once: the processor is the host, its rails and the module are not added', () => {
    const acpi = (device_id: string, metric: string, scope: string) =>
      meter('acpi', { sensor_id: `${device_id}:acpi`, device_id, metric, scope })
    const rows = [
      acpi('module:0', 'module_power_mw', 'module'),
      acpi(CPU, 'cpu_power_mw', 'package'),
      acpi('rail:cpu:0', 'rail_power_mw', 'rail'),
    ]
    const watts = [500, 150, 120]
    const found = metrics({
      phases: PHASES,
      requests,
      devices: [
        { device_id: GPU, kind: 'gpu' },
        { device_id: 'module:0', kind: 'module' },
        { device_id: CPU, kind: 'cpu_package' },
        { device_id: 'rail:cpu:0', kind: 'rail', parent_device_id: CPU },
      ],
      processes: worker(GPU),
      sensors: rows,
      samples: [
        ...gpuPower(300),
        ...rows.flatMap((row, i) =>
          power({ ...row, from: -1, to: 62, every: 0.1, watts: () => watts[i] as number }),
        ),
      ],
    })
    expect(found['energy_host_j']?.value).toBeCloseTo(9000, 6)
    // 300 + 150 W, and not 500 nor 120 more
    expect(found['energy_total_j']?.value).toBeCloseTo(27_000, 6)
  })
})

describe('parts of the processor', () => {
  const memory: SensorRow = meter('cpu_estimate', {
    sensor_id: 'dram:0:cpu_estimate',
    device_id: 'dram:0',
    metric: 'dram_power_mw',
    scope: 'dram',
    accuracy: { gain_rel: 0.75, basis: 'assumed' },
  })
  const estimated = power({
    ...memory,
    from: -1,
    to: 62,
    every: 1,
    watts: () => 20,
  })
  const host: Fixture = {
    phases: PHASES,
    requests: [request('a', 1, 2, 59, 100)],
    devices: [
      { device_id: CPU, kind: 'cpu_package' },
      { device_id: 'dram:0', kind: 'dram' },
    ],
    processes: [{ process_id: 'p1', role: 'worker', device_ids: [CPU, 'dram:0'] }],
    sensors: [memory],
  }

  test('that are estimated make nothing of what is measured: memory is shown, and in no sum', () => {
    const found = summary({ ...host, samples: [...cpuEnergy(100), ...estimated] })
    for (const id of ['energy_compute_j', 'energy_host_j', 'energy_total_j'])
      expect(found.metrics[id]).toMatchObject({ value: expect.closeTo(6000, 6), scope: 'package' })
    expect(found.devices.find((d) => d.device_id === 'dram:0')).toMatchObject({
      energy_j: expect.closeTo(1200, 6),
      provenance: 'cpu_estimate',
    })
    expect(found.findings.map((f) => f.code)).not.toContain('estimate_only')
  })

  test('that are all estimated stay an estimate', () => {
    const cpu = meter('cpu_estimate', {
      sensor_id: 'e',
      device_id: CPU,
      metric: 'cpu_power_mw',
      scope: 'package',
    })
    const samples = power({ ...cpu, from: -1, to: 62, every: 0.1, watts: () => 50 })
    const found = metrics({ ...host, sensors: [memory, cpu], samples: [...samples, ...estimated] })
    expect(found['energy_compute_j']?.value).toBeCloseTo(3000, 6)
    expect(found['energy_host_j']).toMatchObject({ value: null, reason: 'estimate_only' })
  })

  test('that lie within the package, its cores, are never added to it', () => {
    const found = metrics({
      ...host,
      devices: [{ device_id: CPU, kind: 'cpu_package' }],
      sensors: [],
      samples: [...cpuEnergy(100), ...cpuEnergy(60, 'cpu_core_energy_uj')],
    })
    expect(found['energy_host_j']?.value).toBeCloseTo(6000, 6)
    expect(found['energy_compute_j']?.value).toBeCloseTo(6000, 6)
  })

  test('fall back by a reset, not a wrap, where a wrap would mean more than they can draw', () => {
    const rapl = (max_w: number | null) =>
      meter('rapl', {
        sensor_id: 'cpu:rapl',
        device_id: CPU,
        metric: 'cpu_energy_uj',
        scope: 'package',
        period_ms: 1,
        range: 262_143_328_850,
        max_w,
      })
    // 100 W, but at 30 s the counter stands 900 J below its range, and is at 0 a second later
    const counter = (t: number) =>
      t <= 30 ? 262_143_328_850 - 900e6 - (30 - t) * 100e6 : (t - 31) * 100e6
    const samples = Array.from({ length: 70 }, (_, i) => ({
      t_ns: (i - 5) * 1e9,
      device_id: CPU,
      sensor_id: 'cpu:rapl',
      metric: 'cpu_energy_uj',
      value: counter(i - 5),
    }))
    const energy = (max_w: number | null) =>
      metrics({
        ...host,
        devices: [{ device_id: CPU, kind: 'cpu_package' }],
        sensors: [rapl(max_w)],
        samples,
      })['energy_host_j']
    expect(energy(506)).toMatchObject({ value: null, reason: 'counter_reset' })
    // 59 s at 100 W and the 900 J of the wrap
    expect(energy(null)?.value).toBeCloseTo(6800, 3)
  })
})
