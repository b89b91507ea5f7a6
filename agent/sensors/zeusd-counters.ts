import { join } from 'node:path'
import { z } from 'zod'
import type { Device } from '../../analysis/schema/device.ts'
import { known, type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Clock } from '../clock.ts'
import { NoAnswer } from './ask-json.ts'
import { packageOf, zoneName } from './rapl-domains.ts'
import { powered, sampleRow } from './reading.ts'
import type { Missing, Sensor } from './sensor.ts'
import { allowed, type Client, type Discovery } from './zeusd-client.ts'

const SOURCE = 'zeusd'

const count = z.number().nonnegative().nullish()
const cpuEnergySchema = z.record(
  z.string(),
  z.looseObject({ cpu_energy_uj: count, dram_energy_uj: count }),
)
const gpuEnergySchema = z.record(z.string(), z.looseObject({ energy_mj: count }))

/** What the daemon offers of one kind of device. */
export interface Opened {
  readonly devices: readonly Device[]
  readonly sensors: readonly Sensor[]
  readonly missing: readonly Missing[]
}
export const NONE: Opened = { devices: [], sensors: [], missing: [] }

/** Packages with their memory, and the platform around them. @throws NoAnswer */
export async function openCpus(
  client: Client,
  told: Discovery,
  clock: Clock,
  sysfsRoot: string,
): Promise<Opened> {
  if (told.cpus.length === 0) return NONE
  allowed(client, told, 'cpu-read')
  const answer = shared(clock, () =>
    client.ask('/cpu/get_cumulative_energy?cpu=true&dram=true', cpuEnergySchema),
  )
  const first = await answer()
  if (first.error !== null) throw first.error
  const sensors: Sensor[] = []
  const devices: Device[] = []
  const missing: Missing[] = []
  const add = (
    device_id: string,
    kind: string,
    row: Partial<SensorRow> & { metric: string },
    value: Value,
  ) => {
    devices.push({ device_id, kind, vendor: null, model: kind === 'node' ? 'psys' : null })
    sensors.push(counter({ device_id, ...RAPL, ...row }, answer, value))
  }
  for (const { id, dram_available } of told.cpus) {
    const name = zoneOf(id, told.cpus.length, sysfsRoot)
    if (name === null) {
      missing.push({
        source: SOURCE,
        device_id: null,
        reason: 'ambiguous_mapping',
        fix: `zeusd tells of zone ${id}, and nothing here says whether it is a package or the platform around all; show this process the host's /sys/class/powercap.`,
      })
      continue
    }
    const cpu: Value = (told) => told[String(id)]?.cpu_energy_uj
    const dram: Value = (told) => told[String(id)]?.dram_energy_uj
    if (name === 'psys')
      add('platform:0', 'node', { metric: 'platform_energy_uj', scope: 'platform' }, cpu)
    const socket = packageOf(name)
    if (socket === null) continue
    add(`cpu_package:${socket}`, 'cpu_package', { metric: 'cpu_energy_uj', scope: 'package' }, cpu)
    if (dram_available)
      add(`dram:${socket}`, 'dram', { metric: 'dram_energy_uj', scope: 'dram' }, dram)
  }
  return { sensors, devices, missing }
}

const RAPL = {
  source: SOURCE,
  period_ms: 1,
  range: null,
  accuracy: { gain_rel: 0.05, basis: 'published' },
} as const

/**
 * zeusd numbers the zones of the powercap tree, and the platform around all packages may be among them. Names are
 * readable to everyone; where the tree is hidden, a single zone is the package.
 */
function zoneOf(id: number, zones: number, sysfsRoot: string): string | null {
  const name = zoneName(join(sysfsRoot, 'class/powercap', `intel-rapl:${id}`))
  return name !== '' ? name : zones === 1 ? 'package-0' : null
}

/** Energy counters of GPUs, by PCI address. @throws NoAnswer */
export async function openGpus(client: Client, told: Discovery, clock: Clock): Promise<Opened> {
  const gpus = told.gpus.filter((g) => g.cumulative_energy_available)
  if (gpus.length === 0 || !told.enabled_api_groups.includes('gpu-read')) return NONE
  allowed(client, told, 'gpu-read')
  const ids = gpus.map((g) => g.id).join(',')
  const answer = shared(clock, () =>
    client.ask(`/gpu/get_cumulative_energy?gpu_ids=${ids}`, gpuEnergySchema),
  )
  const first = await answer()
  if (first.error !== null) throw first.error
  const devices = gpus.map(
    (g): Device => ({
      device_id: `gpu:${g.pci_address}`,
      kind: 'gpu',
      vendor: /nvidia/i.test(g.name)
        ? 'nvidia'
        : /amd|instinct|radeon/i.test(g.name)
          ? 'amd'
          : null,
      model: g.name,
      index: g.id,
      pci: g.pci_address,
    }),
  )
  const sensors = gpus.map((g, i) =>
    counter(
      {
        device_id: (devices[i] as Device).device_id,
        metric: 'gpu_energy_mj',
        source: SOURCE,
        scope: 'gpu',
        period_ms: 100,
        range: null,
        accuracy: { gain_rel: 0.05, offset_w: 5, basis: 'vendor' },
      },
      answer,
      (told) => told[String(g.id)]?.energy_mj,
    ),
  )
  return { devices, sensors, missing: [] }
}

interface Told<T> {
  readonly t_ns: number
  readonly value: T | null
  readonly error: NoAnswer | null
}
type Value<T = z.infer<typeof cpuEnergySchema>> = (told: T) => number | null | undefined

/** One question for all sensors that ask at once, stamped at its middle. */
function shared<T>(clock: Clock, ask: () => Promise<T>): () => Promise<Told<T>> {
  let asking: Promise<Told<T>> | null = null
  const once = async (): Promise<Told<T>> => {
    const before = clock.now()
    try {
      const value = await ask()
      return { t_ns: Math.round((before + clock.now()) / 2), value, error: null }
    } catch (error) {
      const why = error instanceof NoAnswer ? error : new NoAnswer('lost', String(error))
      return { t_ns: Math.round((before + clock.now()) / 2), value: null, error: why }
    } finally {
      asking = null
    }
  }
  return () => {
    asking ??= once()
    return asking
  }
}

/** A counter of one device in what all of them are asked for together. Read each second: it has no other source. */
function counter<T>(
  given: Omit<SensorRow, 'sensor_id'>,
  answer: () => Promise<Told<T>>,
  value: Value<T>,
): Sensor {
  const row = { ...given, sensor_id: `${given['device_id']}:${SOURCE}` } as SensorRow
  const reading = (told: Told<T>): Maybe => {
    if (told.value === null) return unknown(told.error?.reason ?? 'lost')
    const number = value(told.value) ?? null
    return number === null ? unknown('unsupported') : powered(known(number))
  }
  return {
    row,
    cadence: 'ring',
    async read() {
      const told = await answer()
      return [sampleRow(row, told.t_ns, reading(told))]
    },
  }
}
