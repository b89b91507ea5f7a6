import { describe, expect, it } from 'vitest'
import { type SettleRule, waitUntilSettled, watchSettling } from '../../agent/thermal-settle.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'

const RULE: SettleRule = { below_c: 45, slope_c_per_min: null, limit_s: 300 }
const row = (t_s: number, c: number | null, device_id = 'a'): SampleRow => ({
  t_ns: t_s * 1e9,
  device_id,
  metric: 'gpu_temperature_c',
  value: c,
  reason: c === null ? 'lost' : null,
})

/** A wait in which a second passes at once, and each device is as warm as it is told to be. */
async function wait(
  rule: SettleRule,
  devices: Readonly<Record<string, (t_s: number) => number | null>>,
  abort_s = Number.POSITIVE_INFINITY,
) {
  let t_s = 0
  let take: ((rows: readonly SampleRow[]) => void) | null = null
  const said: string[] = []
  const notes: string[] = []
  const stop = new AbortController()
  const read = () => {
    for (const [id, warm] of Object.entries(devices)) take?.([row(t_s, warm(t_s), id)])
  }
  const settled = await waitUntilSettled({
    rule,
    device_ids: ['a', 'b'],
    now_ns: () => t_s * 1e9,
    watch(given) {
      take = given
      return () => {
        take = null
      }
    },
    edge: async () => read(),
    say: (text) => said.push(text),
    progress: (_, note) => notes.push(note),
    signal: stop.signal,
    async second(signal) {
      t_s++
      if (t_s >= abort_s) stop.abort(new Error('stopped'))
      signal.throwIfAborted()
      read()
    },
  }).finally(() => expect(take).toBeNull())
  return { settled, said, notes }
}

describe('waiting for settled temperatures', () => {
  it('ends when the hottest GPU is below the limit', async () => {
    // 60 °C, one degree less each ten seconds: below 45 after 151 s. The other is cool from the start.
    const { settled, said, notes } = await wait(RULE, {
      a: (t) => 60 - t / 10,
      b: () => 30,
    })
    expect(settled).toMatchObject({
      outcome: 'settled',
      by: 'below_c',
      waited_s: 151,
      limit_s: 300,
      start_c: { a: 60, b: 30 },
    })
    expect(settled.end_c['a']).toBeCloseTo(44.9, 6)
    expect(said).toEqual(['Waiting for the GPUs to be below 45 °C, 300 s at most (now 60 °C).'])
    expect(notes[0]).toBe('settling: 60 °C, 300 s left at most')
    expect(notes[10]).toBe('settling: 59 °C, 290 s left at most')
  })

  it('does not wait at all where it is cool', async () => {
    const { settled, said } = await wait(RULE, { a: () => 44 })
    expect(settled).toMatchObject({ outcome: 'settled', waited_s: 0 })
    expect(said).toEqual([])
  })

  it('ends when a whole minute changed by less than the slope', async () => {
    const rule = { below_c: null, slope_c_per_min: 1, limit_s: 300 }
    // Falls by 6 °C a minute for 60 s, then stands at 64 °C: a whole minute of that is over at 120 s; the
    // least-squares slope is below 1 °C/min some seconds before.
    const { settled } = await wait(rule, { a: (t) => (t < 60 ? 70 - t / 10 : 64) })
    expect(settled).toMatchObject({ outcome: 'settled', by: 'slope_c_per_min' })
    expect(settled.waited_s).toBeGreaterThan(90)
    expect(settled.waited_s).toBeLessThanOrEqual(121)
  })

  it('takes warming for no settling either', async () => {
    const rule = { below_c: null, slope_c_per_min: 1, limit_s: 100 }
    const { settled } = await wait(rule, { a: () => 50, b: (t) => 50 + t / 30 })
    expect(settled.outcome).toBe('not_settled')
  })

  it('goes on at the limit, and says where it stood', async () => {
    const { settled } = await wait({ ...RULE, limit_s: 20 }, { a: () => 71 })
    expect(settled).toEqual({
      outcome: 'not_settled',
      by: null,
      waited_s: 20,
      limit_s: 20,
      start_c: { a: 71 },
      end_c: { a: 71 },
    })
  })

  it('says that there is no temperature, and does not wait for one', async () => {
    for (const devices of [{}, { c: () => 80 }, { a: () => null }]) {
      const { settled, said } = await wait(RULE, devices)
      expect(settled).toMatchObject({ outcome: 'no_temperature', waited_s: 0, start_c: {} })
      expect(said[0]).toContain('not waited for')
    }
  })

  it('ends with the run', async () => {
    await expect(wait(RULE, { a: () => 71 }, 5)).rejects.toThrow('stopped')
  })
})

describe('the slope', () => {
  it('is that of the last minute, in degrees a minute', () => {
    const watch = watchSettling({ below_c: null, slope_c_per_min: 1 }, ['a'])
    for (let t = 0; t <= 120; t++) watch.take([row(t, 40 + (t < 60 ? 0 : (t - 60) / 20))])
    // From 60 s on three degrees a minute.
    expect(watch.state(120e9).slope_c_per_min).toBeCloseTo(3, 1)
    expect(watch.state(120e9).settled_by).toBeNull()
  })

  it('is not known before a minute was seen', () => {
    const watch = watchSettling({ below_c: null, slope_c_per_min: 1 }, ['a'])
    for (let t = 0; t <= 59; t++) watch.take([row(t, 40)])
    expect(watch.state(59e9)).toMatchObject({ slope_c_per_min: null, settled_by: null })
    watch.take([row(60, 40)])
    expect(watch.state(60e9)).toMatchObject({ slope_c_per_min: 0, settled_by: 'slope_c_per_min' })
  })
})
