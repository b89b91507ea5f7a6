import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { type NvmlBench, type NvmlHost, nvmlBench } from './nvml-host.ts'

let bench: NvmlBench
beforeAll(() => {
  bench = nvmlBench()
})
afterAll(() => bench.cleanUp())

const RING = 'nvml_power_ring'

/** Reads the ring once a second for so many seconds. */
async function record(host: NvmlHost, seconds: number): Promise<SampleRow[]> {
  const rows: SampleRow[] = []
  for (let s = 0; s < seconds; s++) {
    host.hand.pass(1000)
    rows.push(...(await host.read(RING)))
  }
  return rows
}

const steps = (rows: readonly SampleRow[]) =>
  rows.slice(1).map((row, i) => row.t_ns - (rows[i] as SampleRow).t_ns)

/** Joules when each sample stands for the 20 ms before it. */
const joules = (rows: readonly SampleRow[]) =>
  rows.reduce((sum, row) => sum + ((row.value as number) / 1000) * 0.02, 0)

function expectAscending(host: NvmlHost, rows: readonly SampleRow[]): void {
  for (const step of steps(rows)) expect(step).toBeGreaterThan(0)
  expect(rows.at(-1)?.t_ns).toBeLessThanOrEqual(host.clock.now())
}

describe('the power ring', () => {
  it('gives every 20 ms mean of the second that passed, in mW', async () => {
    const host = await bench.open()
    expect(host.sensor(RING).row).toMatchObject({
      metric: 'gpu_power_mw',
      source: RING,
      scope: 'gpu',
      period_ms: 20,
      averaging_ms: 20,
      accuracy: { gain_rel: 0.05, offset_w: 5, basis: 'vendor' },
    })
    const rows = await record(host, 2)
    expect(rows).toHaveLength(100) // 2 s of 20 ms
    expect(new Set(rows.map((row) => row.value))).toEqual(new Set([300_000]))
    for (const step of steps(rows)) expect(step).toBe(20_000_000)
    expectAscending(host, rows)
  })

  it('adds up to the energy of a square wave', async () => {
    const host = await bench.open([
      [0, 0, 'power_mw', 200_000],
      [1000, 0, 'power_mw', 600_000],
      [2000, 0, 'power_mw', 200_000],
      [3000, 0, 'power_mw', 600_000],
    ])
    // 2 s of 200 W and 2 s of 600 W are 1600 J.
    expect(joules(await record(host, 4))).toBeCloseTo(1600, 6)
  })

  it('averages a spike that is shorter than its period', async () => {
    const host = await bench.open([
      [0, 0, 'power_mw', 100_000],
      [505, 0, 'power_mw', 900_000],
      [510, 0, 'power_mw', 100_000],
    ])
    const rows = await record(host, 1)
    // 5 of 20 ms at 900 W and 15 at 100 W: 300 W
    expect(rows.filter((row) => row.value === 300_000)).toHaveLength(1)
    expect(joules(rows)).toBeCloseTo(100 + 800 * 0.005, 6)
  })

  it('adds up to the energy of any load', async () => {
    const load = fc.array(fc.integer({ min: 30, max: 900 }), { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(load, async (watts) => {
        // One level each 100 ms.
        const script = watts.map((w, i): ScriptLine => [i * 100, 0, 'power_mw', w * 1000])
        const host = await bench.open(script)
        const seconds = Math.ceil(watts.length / 10)
        const held = watts.at(-1) as number
        const levels = [...watts, ...Array(seconds * 10 - watts.length).fill(held)]
        const expected = levels.reduce((sum, w) => sum + w * 0.1, 0)
        expect(joules(await record(host, seconds))).toBeCloseTo(expected, 3)
      }),
      { numRuns: 15 },
    )
  })

  it('leaves out what the driver recorded before it was opened', async () => {
    const host = await bench.open([[0, 0, 'power_mw', 500_000]])
    // The ring holds 2.4 s of 300 W from before.
    const rows = await record(host, 1)
    expect(rows.map((row) => row.value)).toEqual(Array(50).fill(500_000))
    expect(rows[0]?.t_ns).toBeGreaterThan(0)
  })

  it('gives no row where nothing is new', async () => {
    const host = await bench.open()
    await record(host, 1)
    expect(await host.read(RING)).toEqual([])
  })

  it('tells the hole when it ran over between two readings', async () => {
    const host = await bench.open()
    await record(host, 1)
    host.hand.pass(5000)
    const rows = await host.read(RING)
    // 119 samples are kept; what lies before is not known.
    expect(rows).toHaveLength(120)
    expect(rows[0]).toMatchObject({ value: null, reason: 'gap' })
    expect((rows[1] as SampleRow).t_ns - (rows[0] as SampleRow).t_ns).toBe(20_000_000)
    expectAscending(host, rows)
  })

  it('takes a sample once that the driver gives twice', async () => {
    const host = await bench.open([[0, 0, 'ring_fault', 1]])
    const rows = await record(host, 2)
    expect(rows).toHaveLength(100)
    expect(joules(rows)).toBeCloseTo(600, 6)
  })

  it('drops samples out of order', async () => {
    const host = await bench.open([[0, 0, 'ring_fault', 2]])
    const rows = await record(host, 2)
    expectAscending(host, rows)
    expect(rows.length).toBeGreaterThanOrEqual(50)
  })

  it('asks again with more room where the samples do not fit', async () => {
    const host = await bench.open([
      [0, 0, 'ring_size', 1500],
      [0, 0, 'ring_fault', 3],
    ])
    host.hand.pass(29_000)
    expect(await host.read(RING)).toHaveLength(1450) // 29 s of 20 ms
  })

  it.each([
    ['double', 0],
    ['unsigned long', 2],
    ['64-bit', 3],
    ['signed 64-bit', 4],
    ['signed 32-bit', 5],
  ])('reads samples of type %s', async (_, type) => {
    const host = await bench.open([[0, 0, 'power_type', type]])
    expect(new Set((await record(host, 1)).map((row) => row.value))).toEqual(new Set([300_000]))
  })

  it('does not take samples of a type that is not known', async () => {
    const host = await bench.open([[0, 0, 'power_type', 77]])
    expect(host.has(RING)).toBe(false)
    expect(host.source.missing).toContainEqual(
      expect.objectContaining({ source: RING, reason: 'unsupported' }),
    )
  })

  it('measures how often the driver records', async () => {
    const host = await bench.open([[0, 0, 'ring_period_us', 50_000]])
    expect(host.sensor(RING).row).toMatchObject({ period_ms: 50, averaging_ms: 50 })
    expect(await record(host, 1)).toHaveLength(20)
  })

  it('takes 0 W and all ones for unknown', async () => {
    const host = await bench.open([
      [1000, 0, 'power_mw', 0],
      [2000, 0, 'power_mw', 0xffff_ffff],
    ])
    const rows = await record(host, 3)
    const of = (second: number) => rows.slice(second * 50, second * 50 + 50)
    expect(of(0).every((row) => row.value === 300_000)).toBe(true)
    expect(of(1).every((row) => row.value === null && row.reason === 'implausible')).toBe(true)
    expect(of(2).every((row) => row.value === null && row.reason === 'unsupported')).toBe(true)
  })

  it.each([3_600_000, -3_600_000, 60_000, -500])(
    'goes on when the wall clock is set by %i ms, with no stamp in the future',
    async (step_ms) => {
      const host = await bench.open()
      const before = await record(host, 2)
      host.hand.pass(500)
      host.hand.stepWall(step_ms)
      host.hand.pass(500)
      const turn = await host.read(RING)
      const rows = [...before, ...turn, ...(await record(host, 4))]
      expectAscending(host, rows)
      // Only the second of the step may have lost samples (or more where new stamps repeat old ones).
      const after = rows.slice(-100)
      expect(after.every((row) => row.value === 300_000)).toBe(true)
      for (const stride of steps(after)) expect(Math.abs(stride - 20e6)).toBeLessThan(1e6)
    },
  )

  it('waits for the first samples of a driver that was just loaded', async () => {
    // The ring fills within 80 ms of the loading; this is real time.
    const host = await bench.openRealTime([
      [0, 0, 'nvmlDeviceGetSamples', 6],
      [80, 0, 'nvmlDeviceGetSamples', 0],
    ])
    expect(host.has(RING)).toBe(true)
  })
})
