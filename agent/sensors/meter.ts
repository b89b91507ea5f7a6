import { setTimeout as sleep } from 'node:timers/promises'
import type { Device } from '../../analysis/schema/device.ts'
import type { Meter, MeterOf } from '../../analysis/schema/meter.ts'
import { known, type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { NoAnswer } from './ask-json.ts'
import { sampleRow } from './reading.ts'
import type { Cadence, Missing, OpenSource, Sensor, SensorOptions } from './sensor.ts'

/** So long at most a reading of the sensors waits for a meter; a later answer comes with the next reading. */
const PATIENCE_MS = 200
/** A meter is due this much early: readings at the edges of phases, which bracket them, shift the beat. */
const EARLY_MS = 750
/** No single machine draws more: a greater number is in another unit. */
const MOST_W = 100_000

/** A meter that was found, before it is known to answer. */
export interface MeterDoor {
  /** What it is called in messages, without secrets: "the plug at http://10.0.0.9". */
  readonly name: string
  /** Watts now. @throws NoAnswer */
  watts(signal: AbortSignal): Promise<number>
  /** How old its readings may be, ms, and by how much they may be wrong, where the configuration does not say. */
  readonly refresh_ms: number
  readonly accuracy: { readonly gain_rel: number; readonly basis: 'vendor' | 'assumed' }
  /** What was found out about it, for run.json. */
  readonly facts?: () => Readonly<Record<string, unknown>>
  close(): void
}

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

/** @throws NoAnswer where a running node can't draw so much, or so little */
function plausible(watts: number): number {
  if (!Number.isFinite(watts)) throw new NoAnswer('unsupported', 'tells no number')
  if (watts > 0 && watts <= MOST_W) return watts
  throw new NoAnswer(
    'implausible',
    `tells ${watts} W, which no running node draws: look at its outlet and unit`,
  )
}

/**
 * The sensor of a meter's power, and of how long it took to answer. A meter is slow: it is asked in its own time, one
 * question at once, and its reading is stamped at the middle of the question. Nobody waits for it longer than
 * `PATIENCE_MS`: an answer that comes later is told by the next reading.
 */
function polledMeter(door: MeterDoor, meter: Meter, device: Device, clock: Clock) {
  const { device_id } = device
  const sensor_id = `${device_id}:${meter.source}`
  const stated = meter.error_pct === null ? null : meter.error_pct / 100
  const power: SensorRow = {
    sensor_id,
    device_id,
    metric: 'node_power_mw',
    source: meter.source,
    scope: device.kind === 'node' ? 'node' : 'supply',
    period_ms: meter.interval_ms,
    lag_ms: meter.refresh_ms ?? door.refresh_ms,
    accuracy: stated === null ? door.accuracy : { gain_rel: stated, basis: 'vendor' },
  }
  const span: SensorRow = {
    sensor_id: `${sensor_id}:span`,
    device_id,
    metric: 'meter_span_ms',
    source: meter.source,
  }
  const often = meter.interval_ms < 1000
  const cadence: Cadence = often ? 'gauge' : 'ring'
  const due_ns = (often ? 0.9 * meter.interval_ms : meter.interval_ms - EARLY_MS) * 1e6
  const closing = new AbortController()
  let asked_ns = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | null = null
  let fresh: SampleRow[] = []

  const ask = async () => {
    const before = clock.now()
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(meter.timeout_ms)])
    const reading = await milliwatts(door, signal)
    const after = clock.now()
    const t_ns = Math.round((before + after) / 2)
    const took = reading.value === null ? reading : known((after - before) / 1e6)
    fresh.push(sampleRow(power, t_ns, reading), sampleRow(span, t_ns, took))
    asking = null
  }
  const told = () => {
    const rows = fresh
    fresh = []
    return rows
  }
  return {
    sensors: [
      {
        row: power,
        cadence,
        async read() {
          if (asking === null && clock.now() - asked_ns >= due_ns) {
            asked_ns = clock.now()
            asking = ask()
          }
          if (asking !== null) await atMost(asking, PATIENCE_MS)
          return told()
        },
      },
      // Its rows come with those of the power.
      { row: span, cadence, read: () => [] },
    ],
    facts: door.facts?.() ?? {},
    close() {
      closing.abort()
      door.close()
    },
  }
}

async function milliwatts(door: MeterDoor, signal: AbortSignal): Promise<Maybe> {
  try {
    return known(Math.round(plausible(await door.watts(signal)) * 1000))
  } catch (error) {
    return unknown(error instanceof NoAnswer ? error.reason : 'lost')
  }
}

async function atMost(work: Promise<void>, ms: number): Promise<void> {
  const waiting = new AbortController()
  await Promise.race([work, sleep(ms, undefined, { signal: waiting.signal }).catch(() => {})])
  waiting.abort()
}

/**
 * Name and password from the environment.
 * @returns null: none are configured @throws NoAnswer naming the variable that is not set
 */
export function loginOf(
  meter: { readonly user_env: string | null; readonly password_env: string | null },
  env: SensorOptions['env'],
): { user: string; password: string } | null {
  if (meter.user_env === null || meter.password_env === null) return null
  return { user: secretOf(meter.user_env, env), password: secretOf(meter.password_env, env) }
}

/** @throws NoAnswer naming the variable that is not set */
export function secretOf(name: string, env: SensorOptions['env']): string {
  const value = env[name]
  if (value === undefined || value === '')
    throw new NoAnswer(
      'permission_denied',
      `needs the environment variable ${name}, which is not set`,
    )
  return value
}

export const basicAuth = (login: { user: string; password: string }): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`,
})
