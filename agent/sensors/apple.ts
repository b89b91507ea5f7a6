import { cpus } from 'node:os'
import type { Device } from '../../analysis/schema/device.ts'
import type { MetricName } from '../../analysis/schema/metric.ts'
import { type Maybe, REASONS, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Clock } from '../clock.ts'
import { type EnergyModel, openEnergyModel } from '../ffi/ioreport.ts'
import { type ApplePart, energyOfParts } from './apple-channels.ts'
import { sampleRow } from './reading.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

const SOURCE = 'ioreport'
/** Apple states neither how often the model is renewed nor how wrong it is. */
const REFRESH_MS = 100
const ACCURACY = { gain_rel: 0.2, offset_w: 0, basis: 'assumed' } as const
/** One reading of the model serves all the sensors that are read at one time. */
const SAME_TIME_NS = 20e6

interface Part {
  readonly part: ApplePart
  readonly device_id: string
  readonly kind: string
  readonly metric: MetricName
  readonly scope: string
}

/** What is told of each part. Cores are within the processor, and the GPU's SRAM beside what is counted of the GPU. */
const PARTS: readonly Part[] = [
  {
    part: 'cpu',
    device_id: 'cpu_package:0',
    kind: 'cpu_package',
    metric: 'cpu_energy_uj',
    scope: 'package',
  },
  ...(['performance_cores', 'efficiency_cores'] as const).map((part) => ({
    part,
    device_id: 'cpu_package:0',
    kind: 'cpu_package',
    metric: 'cpu_core_energy_uj' as const,
    scope: part,
  })),
  { part: 'gpu', device_id: 'apple_gpu:0', kind: 'gpu', metric: 'gpu_energy_uj', scope: 'gpu' },
  {
    part: 'gpu_sram',
    device_id: 'apple_gpu:0',
    kind: 'gpu',
    metric: 'gpu_energy_uj',
    scope: 'memory',
  },
  { part: 'dram', device_id: 'dram:0', kind: 'dram', metric: 'dram_energy_uj', scope: 'dram' },
  { part: 'npu', device_id: 'apple_npu:0', kind: 'npu', metric: 'npu_energy_uj', scope: 'npu' },
]

/** The machine that a program runs on, as Node tells it. */
export interface Machine {
  readonly platform: string
  readonly arch: string
}

/** Apple chips by macOS' own energy model: estimates of the chip's parts, without root. */
export const apple: SensorSource = appleOn(process)

/** The same on another machine than this, for tests. */
export function appleOn({ platform, arch }: Machine): SensorSource {
  return {
    name: SOURCE,
    async open({ clock, env }: SensorOptions): Promise<OpenSource> {
      const dir = env['LLEM_IOREPORT_DIR'] ?? null
      if (platform !== 'darwin')
        return nothing('no_device', 'IOReport is a part of macOS, which this is not.')
      const opened = await openEnergyModel(dir)
      if (opened.model === null) return nothing(opened.reason, refusal(opened.reason, opened.tried))
      const source = openParts(opened.model, clock)
      return arch === 'x64' ? { ...source, missing: [...source.missing, ROSETTA] } : source
    },
  }
}

function openParts(model: EnergyModel, clock: Clock): OpenSource {
  const meter = createMeter(model, clock.now)
  const there = meter(Number.NEGATIVE_INFINITY).parts
  const parts = PARTS.filter(({ part }) => there.get(part)?.value != null)
  const missing = PARTS.filter(({ part }) => there.get(part)?.value == null).map((part) =>
    refused(part, there.get(part.part)?.reason ?? 'unsupported'),
  )
  return {
    source: SOURCE,
    devices: devicesOf(parts),
    sensors: parts.map((part) => sensorOf(part, meter, clock)),
    missing,
    environment: {},
    close: () => model.close(),
  }
}

function devicesOf(parts: readonly Part[]): Device[] {
  const model = cpus()[0]?.model.trim() || null
  const byId = new Map(
    parts.map(({ device_id, kind }) => [
      device_id,
      { device_id, kind, vendor: 'apple', model, ...(kind === 'gpu' ? { index: 0 } : {}) },
    ]),
  )
  return [...byId.values()]
}

interface Reading {
  readonly t_ns: number
  readonly parts: ReadonlyMap<ApplePart, Maybe>
  /** Why there is no part. */
  readonly reason: Reason | null
}

/** A reading that is newer than the caller's last: one that another sensor has just made, or a new one. */
function createMeter(model: EnergyModel, now: () => number): (after_ns: number) => Reading {
  let latest: Reading | null = null
  return (after_ns) => {
    const begin = now()
    if (latest !== null && latest.t_ns > after_ns && begin - latest.t_ns < SAME_TIME_NS)
      return latest
    const channels = model.read()
    const t_ns = Math.round((begin + now()) / 2)
    latest =
      channels.value === null
        ? { t_ns, parts: new Map(), reason: channels.reason }
        : { t_ns, parts: energyOfParts(channels.value), reason: null }
    return latest
  }
}

/** The chip's counters run on without a reader: once a second, and at the edges. */
function sensorOf(
  { part, device_id, metric, scope }: Part,
  meter: (after_ns: number) => Reading,
  clock: Clock,
): Sensor {
  const row: SensorRow = {
    sensor_id: `${device_id}:${SOURCE}:${part}`,
    device_id,
    metric,
    source: SOURCE,
    scope,
    period_ms: REFRESH_MS,
    range: null,
    accuracy: ACCURACY,
  }
  let last_ns = Number.NEGATIVE_INFINITY
  return {
    row,
    cadence: 'ring',
    read() {
      const { t_ns, parts, reason } = meter(last_ns)
      last_ns = Math.min(t_ns, clock.now())
      return [sampleRow(row, t_ns, parts.get(part) ?? unknown(reason ?? 'lost'))]
    },
  }
}

const POWERMETRICS =
  'macOS itself shows the same with: sudo powermetrics --samplers cpu_power,gpu_power -i 1000'

function nothing(reason: Reason, fix: string): OpenSource {
  return {
    source: SOURCE,
    devices: [],
    sensors: [],
    missing: [{ source: SOURCE, device_id: null, reason, fix }],
    environment: {},
    close: () => {},
  }
}

const refusal = (reason: Reason, tried: readonly string[]): string =>
  reason === 'no_library'
    ? `macOS' energy model can't be read (${tried.join('; ')}). ${POWERMETRICS}.`
    : `This macOS or processor has no energy model (${tried.join('; ')}); Macs with an Intel processor have none. ${POWERMETRICS}.`

const refused = ({ part, metric }: Part, reason: Reason): Missing => ({
  source: `${SOURCE} ${part}`,
  device_id: null,
  reason,
  fix: `The energy model has no ${metric} of ${part.replace('_', ' ')}: ${REASONS[reason]}. ${POWERMETRICS}.`,
})

/** An Intel program on an Apple chip: what is measured is right, and what is computed costs more than it need. */
const ROSETTA: Missing = {
  source: SOURCE,
  device_id: null,
  reason: 'unsupported',
  fix: 'This Node.js is built for Intel and runs translated by Rosetta, so what it computes itself costs more energy than it need. Install Node.js for arm64.',
}
