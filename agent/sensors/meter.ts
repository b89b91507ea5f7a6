import type { Device } from '../../analysis/schema/device.ts'
import type { Meter, MeterOf } from '../../analysis/schema/meter.ts'
import type { Clock } from '../clock.ts'
import { NoAnswer } from './ask-json.ts'
import { type MeterDoor, plausible, polledMeter } from './meter-poll.ts'
import type { Missing, OpenSource, Sensor, SensorOptions } from './sensor.ts'

/**
 * Opens the configured meters of one kind. Each is asked once before it counts, twice where it did not answer in
 * time; one that gives no plausible power is missing, with what it did.
 * @param connect makes the door of one configured meter. It may throw NoAnswer
 */
export async function openMeters<S extends Meter['source']>(
  source: S,
  { meters, clock }: SensorOptions,
  connect: (meter: MeterOf<S>) => MeterDoor,
): Promise<OpenSource> {
  const mine = meters.filter((m): m is MeterOf<S> => m.source === source)
  const tried = await Promise.all(mine.map((meter) => tryMeter(meter, connect, clock)))
  const open = tried.flatMap((t) => ('missing' in t ? [] : [t]))
  return {
    source,
    devices: open.map((o) => o.device),
    sensors: open.flatMap((o) => o.sensors),
    missing:
      mine.length === 0
        ? [
            {
              source,
              device_id: null,
              reason: 'no_device',
              fix: `No ${source} meter is configured; write one under sensors.meters (docs/measuring.md, "The whole node").`,
            },
          ]
        : tried.flatMap((t) => ('missing' in t ? [t.missing] : [])),
    environment:
      open.length === 0
        ? {}
        : { [source]: open.map((o) => ({ device_id: o.device.device_id, ...o.facts })) },
    close() {
      for (const o of open) o.close()
    },
  }
}

interface OpenMeter {
  readonly device: Device
  readonly sensors: readonly Sensor[]
  readonly facts: Readonly<Record<string, unknown>>
  close(): void
}

async function tryMeter<M extends Meter>(
  meter: M,
  connect: (meter: M) => MeterDoor,
  clock: Clock,
): Promise<OpenMeter | { missing: Missing }> {
  const device = deviceOf(meter)
  let door: MeterDoor | null = null
  try {
    door = connect(meter)
    await firstReading(door, meter.timeout_ms)
    return { device, ...polledMeter(door, meter, device, clock) }
  } catch (error) {
    door?.close()
    const { reason, message } =
      error instanceof NoAnswer ? error : new NoAnswer('lost', String(error))
    const name = door?.name ?? `the ${meter.source} meter`
    const of = device.kind === 'node' ? 'the node' : `the supply ${meter.supply}`
    const fix = `${name[0]?.toUpperCase()}${name.slice(1)} ${message}. Its readings of ${of} will be missing.`
    return { missing: { source: meter.source, device_id: device.device_id, reason, fix } }
  }
}

/** All meters of the whole node measure one device; those of single supplies one each. */
function deviceOf({ supply }: Meter): Device {
  return supply === null
    ? { device_id: 'node:0', kind: 'node', vendor: null, model: null }
    : { device_id: `supply:${supply}`, kind: 'supply', vendor: null, model: null }
}

async function firstReading(door: MeterDoor, timeout_ms: number): Promise<number> {
  const ask = async () => plausible(await door.watts(AbortSignal.timeout(timeout_ms)))
  try {
    return await ask()
  } catch (error) {
    if (error instanceof NoAnswer && error.reason !== 'lost') throw error
    return await ask()
  }
}
