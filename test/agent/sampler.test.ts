import { describe, expect, it } from 'vitest'
import { createClock } from '../../agent/clock.ts'
import { createSampler } from '../../agent/sampler.ts'
import type { Cadence, Sensor } from '../../agent/sensors/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'

const clock = createClock()

function counting(cadence: Cadence, slow_ms = 0): Sensor & { reads: number } {
  const sensor = {
    row: { sensor_id: cadence, device_id: 'd', metric: 'gpu_power_mw', source: 'nvml' },
    cadence,
    reads: 0,
    read(): readonly SampleRow[] | Promise<readonly SampleRow[]> {
      sensor.reads++
      const rows = [{ t_ns: clock.now(), device_id: 'd', metric: cadence, value: 1 }]
      return slow_ms === 0 ? rows : new Promise((r) => setTimeout(() => r(rows), slow_ms))
    },
  }
  return sensor
}

function sample(sensors: readonly Sensor[], interval_ms: number) {
  const rows: SampleRow[] = []
  const events: [string, unknown][] = []
  const anchors: unknown[] = []
  const sampler = createSampler({
    clock,
    sensors,
    interval_ms,
    sink: (some) => rows.push(...some),
    onEvent: (code, detail) => events.push([code, detail]),
    onAnchor: (anchor) => anchors.push(anchor),
  })
  return { sampler, rows, events, anchors }
}

const wait = (ms: number) => new Promise((r) => setTimeout(r, ms))

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
    expect(ring.reads).toBe(2)
    expect(gauge.reads).toBeGreaterThan(ring.reads)
  })

  it('waits at an edge for a slow sensor, and not between edges', async () => {
    const { sampler, rows } = sample([counting('gauge'), counting('edge', 60)], 20)
    await sampler.start()
    expect(rows.some((r) => r.metric === 'edge')).toBe(true)
    await sampler.stop()
  })

  it('counts the readings that a blocked process missed', async () => {
    const { sampler, events } = sample([counting('gauge')], 10)
    await sampler.start()
    const until = performance.now() + 80
    while (performance.now() < until); // blocks the thread on purpose
    await wait(20)
    await sampler.stop()
    const missed = events.filter(([code]) => code === 'sampling_overrun')
    expect(missed.length).toBeGreaterThan(0)
  })

  it('tells its own cost when it stops, and takes an anchor at both ends', async () => {
    const { sampler, events, anchors } = sample([counting('gauge')], 20)
    await sampler.start()
    await sampler.stop()
    expect(events.at(-1)).toMatchObject(['sampler_cost', { overruns: 0 }])
    expect(anchors).toHaveLength(2)
  })
})
