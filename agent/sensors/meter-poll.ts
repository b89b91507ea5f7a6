import { setTimeout as sleep } from 'node:timers/promises'
import type { Device } from '../../analysis/schema/device.ts'
import type { Meter } from '../../analysis/schema/meter.ts'
import { known, type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { NoAnswer } from './ask-json.ts'
import { sampleRow } from './reading.ts'
import type { Cadence } from './sensor.ts'

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

/** @throws NoAnswer where a running node can't draw so much, or so little */
export function plausible(watts: number): number {
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
 * `PATIENCE_MS`: an answer that comes later is told by the next reading, and the last one is waited for.
 */
export function polledMeter(door: MeterDoor, meter: Meter, device: Device, clock: Clock) {
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
        async finish() {
          await asking
          // One that does not answer is not waited for twice.
          if (fresh.at(-1)?.value !== null) await ask()
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
