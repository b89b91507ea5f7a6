import { describe, expect, it } from 'vitest'
import { createClock } from '../../agent/clock.ts'
import { createSampler } from '../../agent/sampler.ts'
import { createSchedule } from '../../agent/sampling-schedule.ts'
import type { Cadence, Sensor, Watch, WatchMoment } from '../../agent/sensors/sensor.ts'
import type { Reason } from '../../analysis/schema/reason.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { handClocks } from '../support/hand-time.ts'

const clock = createClock()

interface Counting extends Sensor {
  reads: number
  /** When each reading began, ns. */
  readonly at: number[]
  reason: Reason | null
}

/** A sensor that counts its readings; with `slow_ms` it answers later. */
function counting(cadence: Cadence, slow_ms = 0, device_id = 'd'): Counting {
  const sensor: Counting = {
    row: { sensor_id: cadence, device_id, metric: 'gpu_power_mw', source: 'nvml' },
    cadence,
    reads: 0,
    at: [],
    reason: null,
    read() {
      sensor.reads++
      sensor.at.push(clock.now())
      const { reason } = sensor
      const value = reason === null ? 1 : null
      const rows = [{ t_ns: clock.now(), device_id, metric: cadence, value, reason }]
      return slow_ms === 0 ? rows : new Promise((r) => setTimeout(() => r(rows), slow_ms))
    },
  }
  return sensor
}

function sample(
  sensors: readonly Sensor[],
  interval_ms: number,
  on = clock,
  watches: readonly Watch[] = [],
) {
  const rows: SampleRow[] = []
  const events: [string, unknown][] = []
  const anchors: unknown[] = []
  const sampler = createSampler({
    clock: on,
    sensors,
    watches,
    interval_ms,
    sink: (some) => rows.push(...some),
    onEvent: (code, detail) => events.push([code, detail]),
    onAnchor: (anchor) => anchors.push(anchor),
  })
  return { sampler, rows, events, anchors }
}

const wait = (ms: number) => new Promise((r) => setTimeout(r, ms))
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until); // blocks the thread on purpose
}

describe('the sampler', () => {
  it('reads gauges at the interval, and edge sensors only at edges', async () => {
    const [gauge, edge] = [counting('gauge'), counting('edge')]
    const { sampler, rows } = sample([gauge, edge], 20)
    await sampler.start()
    await wait(210)
    await sampler.stop()
    // Start, stop and about ten in between; a busy machine may miss some, never add any.
    expect(gauge.reads).toBeGreaterThan(3)
    expect(gauge.reads).toBeLessThanOrEqual(14)
    expect(edge.reads).toBe(2)
    expect(rows.length).toBe(gauge.reads + edge.reads)
  })

  it('reads a ring far less often than gauges', async () => {
    const [gauge, ring] = [counting('gauge'), counting('ring')]
    const { sampler } = sample([gauge, ring], 20)
    await sampler.start()
    await wait(200)
    await sampler.stop()
    expect(ring.reads).toBeGreaterThanOrEqual(2)
    expect(gauge.reads).toBeGreaterThan(ring.reads)
  })

  it('reads a ring each second however long the interval is', async () => {
    const [gauge, ring] = [counting('gauge'), counting('ring')]
    const { sampler } = sample([gauge, ring], 10_000)
    await sampler.start()
    await wait(1200)
    await sampler.stop()
    expect(ring.reads).toBeGreaterThanOrEqual(3) // start, after a second, stop
    expect(gauge.reads).toBe(2) // start, stop
  })

  it('reads everything at an edge, and waits for what is slow', async () => {
    const sensors = [counting('gauge'), counting('ring'), counting('edge', 60)]
    const { sampler, rows } = sample(sensors, 5000)
    await sampler.start()
    await sampler.edge()
    for (const { reads } of sensors) expect(reads).toBeGreaterThanOrEqual(2)
    expect(rows).toHaveLength(sensors.reduce((n, s) => n + s.reads, 0))
    await sampler.stop()
  })

  it('asks edge sensors one after another, so that none waits within another', async () => {
    const [first, second] = [counting('edge', 30), counting('edge', 0)]
    const { sampler } = sample([first, second], 5000)
    await sampler.start()
    await sampler.stop()
    // The second was asked after the 30 ms of the first (timers may fire 1 ms early).
    expect((second.at[0] ?? 0) - (first.at[0] ?? 0)).toBeGreaterThan(28e6)
  })

  it('does not ask a sensor that has not answered yet', async () => {
    const slow = counting('gauge', 100)
    const { sampler, events } = sample([slow], 10)
    await sampler.start()
    await wait(90)
    const during = slow.reads
    await sampler.stop()
    expect(during).toBeLessThanOrEqual(2)
    const [, cost] = events.at(-1) ?? []
    expect((cost as { overruns: number }).overruns).toBeGreaterThan(0)
  })

  it('counts and tells the readings that a blocked process missed', async () => {
    const { sampler, events } = sample([counting('gauge')], 10)
    await sampler.start()
    block(80)
    await wait(20)
    await sampler.stop()
    const told = events.find(([code]) => code === 'sampling_overrun')
    expect((told?.[1] as { missed: number } | undefined)?.missed).toBeGreaterThanOrEqual(5)
  })

  it('tells once when a device is lost, and once when it is back', async () => {
    const [a, b] = [counting('gauge', 0, 'a'), counting('gauge', 0, 'b')]
    const { sampler, events } = sample([a, b], 5000)
    await sampler.start()
    a.reason = 'lost'
    await sampler.edge()
    await sampler.edge()
    a.reason = null
    await sampler.edge()
    await sampler.stop()
    expect(events.slice(0, -1)).toEqual([
      ['device_lost', { device_id: 'a' }],
      ['device_back', { device_id: 'a' }],
    ])
  })

  it.each([3_600_000, -60])('tells that the wall clock was set by %i ms', async (ms) => {
    const hand = handClocks()
    const { sampler, events } = sample([], 5000, createClock(hand.time))
    await sampler.start()
    hand.step(ms)
    await sampler.stop()
    const [code, detail] = events[0] ?? []
    expect(code).toBe('clock_step')
    expect((detail as { step_s: number }).step_s).toBeCloseTo(ms / 1000, 4)
  })

  it('says nothing of a wall clock that is moved by less than 50 ms', async () => {
    const hand = handClocks()
    const { sampler, events } = sample([], 5000, createClock(hand.time))
    await sampler.start()
    hand.step(40)
    await sampler.stop()
    expect(events.map(([code]) => code)).toEqual(['sampler_cost'])
  })

  it('tells its own cost when it stops, and takes an anchor at both ends', async () => {
    const gauge = counting('gauge')
    const { sampler, events, anchors } = sample([gauge], 5000)
    await sampler.start()
    await sampler.stop()
    expect(events).toHaveLength(1)
    const [code, cost] = events[0] ?? []
    expect(code).toBe('sampler_cost')
    expect(cost).toMatchObject({ calls: gauge.reads, rows: gauge.reads, overruns: 0 })
    expect((cost as { cpu_s: number }).cpu_s).toBeGreaterThanOrEqual(0)
    expect((cost as { wall_s: number }).wall_s).toBeGreaterThan(0)
    expect(anchors).toHaveLength(2)
  })

  it('stops once, and reads nothing after that', async () => {
    const gauge = counting('gauge')
    const { sampler, events } = sample([gauge], 10)
    await sampler.start()
    await sampler.stop()
    await sampler.stop()
    const { reads } = gauge
    await wait(40)
    expect(gauge.reads).toBe(reads)
    expect(events).toHaveLength(1)
    await expect(sampler.start()).rejects.toThrow('started before')
  })

  it('asks watches at the start, at edges and at the end, and passes on what they tell', async () => {
    const moments: WatchMoment[] = []
    const watch: Watch = {
      read(moment) {
        moments.push(moment)
        return [{ t_ns: clock.now(), code: 'setting_changed', detail: { moment } }]
      },
    }
    const { sampler, events } = sample([], 5000, clock, [watch])
    await sampler.start()
    await sampler.edge()
    await sampler.stop()
    expect(moments).toEqual(['start', 'during', 'end'])
    expect(events.slice(0, 3)).toEqual(moments.map((moment) => ['setting_changed', { moment }]))
  })
})

describe('a schedule', () => {
  it('keeps to start + k × period whatever was late', () => {
    const schedule = createSchedule(100e6)
    schedule.start(7e6)
    expect(schedule.next_ns()).toBe(107e6)
    expect(schedule.isDue(50e6)).toBeNull()
    expect(schedule.isDue(140e6)).toEqual({ missed: 0 }) // 33 ms late
    expect(schedule.next_ns()).toBe(207e6)
  })

  it('counts what was missed and goes on at the next whole period', () => {
    const schedule = createSchedule(100e6)
    schedule.start(0)
    // 100, 200, 300 and 400 ms were due; one reading now stands for the last of them.
    expect(schedule.isDue(450e6)).toEqual({ missed: 3 })
    expect(schedule.next_ns()).toBe(500e6)
  })

  it('takes a timer that fires a moment early as on time', () => {
    const schedule = createSchedule(100e6)
    schedule.start(0)
    expect(schedule.isDue(99.5e6)).toEqual({ missed: 0 })
    expect(schedule.isDue(100.5e6)).toBeNull() // not twice
    expect(schedule.next_ns()).toBe(200e6)
  })
})
