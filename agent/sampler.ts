import type { SampleRow } from '../analysis/schema/stream.ts'
import type { Clock, ClockAnchor } from './clock.ts'
import type { Sensor } from './sensors/sensor.ts'

/** The ring is read about once a second, long before its 2.4 s run over. */
const RING_MS = 1_000
const ANCHOR_MS = 10_000
/** A wall clock that moved by more than this against the monotonic one was stepped, not slewed. */
const CLOCK_STEP_NS = 50e6

export interface SamplerOptions {
  readonly clock: Clock
  readonly sensors: readonly Sensor[]
  readonly interval_ms: number
  readonly sink: (rows: readonly SampleRow[]) => void
  /** `sampling_overrun`, `clock_step`, `sampler_cost`: what happened to the sampling itself. */
  readonly onEvent: (code: string, detail: unknown) => void
  readonly onAnchor: (anchor: ClockAnchor) => void
}

/** Reads all sensors on their schedules, from start to stop. */
export interface Sampler {
  start(): Promise<void>
  /** Reads every sensor once, edge sensors included: what brackets a phase. */
  edge(): Promise<void>
  stop(): Promise<void>
}

/**
 * A sampler on an absolute schedule: reading k is due at start + k × interval, so a late one does not delay the next.
 * Readings that were missed altogether are counted and told, not made up for.
 */
export function createSampler(options: SamplerOptions): Sampler {
  const { clock, sensors, interval_ms, sink, onEvent } = options
  const gauges = sensors.filter((s) => s.cadence === 'gauge')
  const rings = sensors.filter((s) => s.cadence === 'ring')
  const anchors = anchorWatch(options)
  const cost = costMeter()
  let timer: NodeJS.Timeout | null = null
  let started = 0
  let tick = 0
  let ringDue = 0
  let anchorDue = 0
  let overruns = 0
  let running = false

  /** Slow sensors answer later; their rows carry their own times. */
  const read = (some: readonly Sensor[]): Promise<unknown> | null => {
    const late: Promise<unknown>[] = []
    for (const sensor of some) {
      const rows = sensor.read()
      if (rows instanceof Promise) late.push(rows.then(sink))
      else if (rows.length > 0) sink(rows)
    }
    return late.length === 0 ? null : Promise.all(late)
  }

  const beat = () => {
    cost.begin()
    const elapsed = performance.now() - started
    void read(gauges)
    if (elapsed >= ringDue) {
      void read(rings)
      ringDue = elapsed + RING_MS
    }
    if (elapsed >= anchorDue) {
      anchors.check()
      anchorDue = elapsed + ANCHOR_MS
    }
    cost.end()
    schedule()
  }

  const schedule = () => {
    if (!running) return
    const now = performance.now() - started
    const next = Math.max(tick + 1, Math.ceil(now / interval_ms))
    if (next > tick + 1) {
      overruns += next - tick - 1
      onEvent('sampling_overrun', { missed: next - tick - 1, interval_ms })
    }
    tick = next
    timer = setTimeout(beat, tick * interval_ms - now)
  }

  const edge = async () => {
    cost.begin()
    const late = read(sensors)
    cost.end()
    ringDue = performance.now() - started + RING_MS
    await late
  }

  return {
    edge,
    async start() {
      started = performance.now()
      anchorDue = ANCHOR_MS
      running = true
      await edge()
      schedule()
    },
    async stop() {
      running = false
      if (timer) clearTimeout(timer)
      await edge()
      anchors.check()
      onEvent('sampler_cost', { ...cost.total(), wall_s: clock.now() / 1e9, overruns })
    },
  }
}

/** Keeps anchors of the wall clock, and tells when it was stepped against the monotonic one. */
function anchorWatch({ clock, onAnchor, onEvent }: SamplerOptions): { check(): void } {
  let last: ClockAnchor | null = null
  return {
    check() {
      const anchor = clock.anchor()
      if (last !== null) {
        const wall_ns = Number(BigInt(anchor.wall_unix_ns) - BigInt(last.wall_unix_ns))
        const step_ns = wall_ns - (anchor.t_ns - last.t_ns)
        if (Math.abs(step_ns) > CLOCK_STEP_NS) onEvent('clock_step', { step_ns })
      }
      last = anchor
      onAnchor(anchor)
    },
  }
}

/** The time that sampling itself takes on the main thread: an energy tool is part of the load. */
function costMeter() {
  let spent_ms = 0
  let readings = 0
  let since = 0
  return {
    begin() {
      since = performance.now()
    },
    end() {
      spent_ms += performance.now() - since
      readings++
    },
    total: () => ({ cpu_s: spent_ms / 1000, readings }),
  }
}
