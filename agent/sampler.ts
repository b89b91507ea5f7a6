import type { SampleRow } from '../analysis/schema/stream.ts'
import { type AnchorWatch, watchAnchors } from './anchor-watch.ts'
import type { Clock, ClockAnchor } from './clock.ts'
import { createSchedule } from './sampling-schedule.ts'
import type { Sensor, Watch, WatchMoment } from './sensors/sensor.ts'
import { processCpuSeconds, type ThreadCpu } from './thread-cpu.ts'

/** The ring is read about once a second, long before its 2.4 s run over. */
const RING_NS = 1e9
const ANCHOR_NS = 10e9
/** Settings and processes change seldom. */
const WATCH_NS = 5e9
/** Gauges that stood still for more intervals than this left a hole worth telling. */
const GAP_INTERVALS = 3

export interface SamplerOptions {
  readonly clock: Clock
  readonly sensors: readonly Sensor[]
  readonly watches?: readonly Watch[]
  /** How often gauges are read. */
  readonly interval_ms: number
  readonly sink: (rows: readonly SampleRow[]) => void
  /**
   * What happened to the sampling itself: `sampling_overrun`, `clock_step`, `device_lost`, `device_back`, and at the end
   * `sampler_cost`; and what the watches tell.
   */
  readonly onEvent: (code: string, detail: unknown) => void
  readonly onAnchor: (anchor: ClockAnchor) => void
  /** Of a thread in which nothing else runs: all its processor time is the sampling's. */
  readonly ownThread?: ThreadCpu
}

/** Reads all sensors on their schedules, from start to stop. */
export interface Sampler {
  start(): Promise<void>
  /**
   * Reads every sensor once, edge sensors included; resolves when the slowest has answered. A phase that begins
   * after one edge and ends before another lies between readings of everything.
   */
  edge(): Promise<void>
  stop(): Promise<void>
}

/**
 * A sampler on absolute schedules: reading k is due at start + k × interval, so a late one does not delay the next.
 * Readings that were missed are counted and told, not made up for. Sensors are read one after another, and each
 * stamps its own rows.
 */
export function createSampler(options: SamplerOptions): Sampler {
  const { clock, sensors, watches = [], interval_ms, sink, onEvent } = options
  const [rings, gauges, edges] = (['ring', 'gauge', 'edge'] as const).map((cadence) =>
    sensors.filter((s) => s.cadence === cadence),
  ) as [Sensor[], Sensor[], Sensor[]]
  const standbys = sensors.flatMap((s) => s.standby ?? [])
  /** The gauges, and what stands in for a sensor that fails. */
  const gaugesNow = () => [...gauges, ...standbys.filter((s) => s.needed()).map((s) => s.sensor)]
  const schedules = {
    ring: createSchedule(RING_NS),
    gauge: createSchedule(interval_ms * 1e6),
    anchor: createSchedule(ANCHOR_NS),
    watch: createSchedule(WATCH_NS),
  }
  const anchors: AnchorWatch = watchAnchors(options)
  const losses = watchLosses(onEvent)
  const cost = costMeter(clock, options.ownThread ?? null)
  /** Sensors that answer later and have not yet. */
  const pending = new Map<Sensor, Promise<void>>()
  let timer: NodeJS.Timeout | null = null
  let lastEdge: Promise<void> = Promise.resolve()
  let overruns = 0
  let state: 'new' | 'running' | 'stopped' = 'new'

  const take = (rows: readonly SampleRow[]) => {
    if (rows.length === 0) return
    losses.look(rows)
    cost.rows += rows.length
    sink(rows)
  }

  const read = (some: readonly Sensor[]) => {
    const rows: SampleRow[] = []
    for (const sensor of some) {
      if (pending.has(sensor)) {
        overruns++
        continue
      }
      const answer = sensor.read()
      cost.calls++
      if (answer instanceof Promise) {
        const answered = answer.then((late) => {
          pending.delete(sensor)
          take(late)
        })
        pending.set(sensor, answered)
      } else if (answer.length === 1) rows.push(answer[0] as SampleRow)
      else rows.push(...answer)
    }
    take(rows)
  }

  const look = (moment: WatchMoment) => {
    for (const watch of watches)
      for (const { code, detail } of watch.read(moment)) onEvent(code, detail)
  }

  const beat = () => {
    cost.measure(() => {
      // The ring first: it runs over, the others only miss a reading.
      if (schedules.ring.isDue(clock.now())) read(rings)
      const gauge = schedules.gauge.isDue(clock.now())
      if (gauge) {
        overruns += gauge.missed
        if (gauge.missed >= GAP_INTERVALS)
          onEvent('sampling_overrun', { missed: gauge.missed, interval_ms })
        read(gaugesNow())
      }
      if (schedules.anchor.isDue(clock.now())) anchors.take()
      if (schedules.watch.isDue(clock.now())) look('during')
    })
    plan()
  }

  const plan = () => {
    if (state !== 'running') return
    const due = Math.min(...Object.values(schedules).map((schedule) => schedule.next_ns()))
    timer = setTimeout(beat, Math.max(0, (due - clock.now()) / 1e6))
  }

  const readAll = async (moment: WatchMoment) => {
    cost.measure(() => {
      read(rings)
      read(gaugesNow())
      look(moment)
    })
    await Promise.all(pending.values())
    // One after another: side by side they would wait for each other's threads, and the stamps would lie.
    for (const sensor of edges) {
      cost.measure(() => read([sensor]))
      await pending.get(sensor)
    }
  }
  const edge = (moment: WatchMoment = 'during') => {
    lastEdge = lastEdge.then(() => readAll(moment))
    return lastEdge
  }

  return {
    edge: () => edge(),
    async start() {
      if (state !== 'new') throw new Error('This sampler was started before. Create another one.')
      state = 'running'
      cost.begin()
      anchors.take()
      for (const schedule of Object.values(schedules)) schedule.start(clock.now())
      plan()
      await edge('start')
    },
    async stop() {
      if (state !== 'running') return
      state = 'stopped'
      if (timer) clearTimeout(timer)
      await edge('end')
      for (const rows of await Promise.all(sensors.map((s) => s.finish?.() ?? []))) take(rows)
      anchors.take()
      onEvent('sampler_cost', { ...cost.total(), overruns })
    },
  }
}

/** Tells once when a device stops answering, and when it is back. */
function watchLosses(onEvent: SamplerOptions['onEvent']) {
  const lost = new Set<string>()
  return {
    look(rows: readonly SampleRow[]) {
      for (const { device_id, value, reason } of rows) {
        if (reason === 'lost' && !lost.has(device_id)) {
          lost.add(device_id)
          onEvent('device_lost', { device_id })
        } else if (lost.size > 0 && value !== null && lost.delete(device_id))
          onEvent('device_back', { device_id })
      }
    },
  }
}

/** What sampling itself takes: an energy tool is part of the load. */
function costMeter(clock: Clock, ownThread: ThreadCpu | null) {
  let started_ns = 0
  let before_s = 0
  let spent_s = 0
  const meter = {
    calls: 0,
    rows: 0,
    begin() {
      started_ns = clock.now()
      before_s = ownThread?.seconds() ?? 0
    },
    /** Beside other work: the process' CPU time meanwhile, an upper bound, as its other threads run on. */
    measure(work: () => void) {
      if (ownThread !== null) return work()
      const before = processCpuSeconds()
      work()
      spent_s += processCpuSeconds() - before
    },
    total: () => ({
      cpu_s: ownThread === null ? spent_s : ownThread.seconds() - before_s,
      cpu_of: ownThread?.basis ?? 'process',
      wall_s: (clock.now() - started_ns) / 1e9,
      calls: meter.calls,
      rows: meter.rows,
    }),
  }
  return meter
}
