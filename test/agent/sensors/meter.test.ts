import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { plug } from '../../../agent/sensors/plug.ts'
import type { OpenSource, SensorOptions } from '../../../agent/sensors/sensor.ts'
import { meterSchema } from '../../../analysis/schema/meter.ts'
import { handClocks } from '../../support/hand-time.ts'
import { type HttpDouble, httpDouble } from '../../support/http-double.ts'
import { hostAt } from './host-at.ts'

let device: HttpDouble
let opened: OpenSource[]
beforeEach(async () => {
  opened = []
  device = await httpDouble(() => ({ watts: 100 }))
})
afterEach(async () => {
  for (const source of opened) source.close()
  await device.close()
})

async function open(
  settings: object = {},
  options: Partial<SensorOptions> = {},
): Promise<OpenSource> {
  const meter = meterSchema.parse({
    source: 'plug',
    url: device.url,
    kind: 'json',
    path: 'watts',
    ...settings,
  })
  const source = await plug.open(hostAt({ meters: [meter], ...options }))
  opened.push(source)
  return source
}
const power = (source: OpenSource) => {
  const sensor = source.sensors[0]
  if (sensor === undefined) throw new Error(source.missing[0]?.fix)
  return async () => (await sensor.read()).filter((r) => r.metric === 'node_power_mw')
}

describe('a slow meter', () => {
  it('holds nobody up: a late answer comes with a later reading, stamped at its middle', async () => {
    const clock = createClock()
    const source = await open({}, { clock })
    const read = power(source)
    let release = () => {}
    device.answer((_, response) => {
      release = () => response.end('{"watts":120}')
      return undefined
    })
    const asked_ns = clock.now()
    expect(await read()).toEqual([])
    const released_ns = clock.now()
    release()
    let rows = await read()
    while (rows.length === 0) rows = await read()
    expect(rows).toMatchObject([{ value: 120_000 }])
    const stamp_ns = rows[0]?.t_ns ?? 0
    expect(stamp_ns).toBeGreaterThan((asked_ns + released_ns) / 2)
    expect(stamp_ns).toBeLessThan((released_ns + clock.now()) / 2)
  })

  it('is waited for at the end, and asked once more then', async () => {
    const source = await open()
    const read = power(source)
    const answers: (() => void)[] = []
    device.answer((_, response) => {
      answers.push(() => response.end('{"watts":110}'))
      return undefined
    })
    expect(await read()).toEqual([])
    const finishing = source.sensors[0]?.finish?.()
    answers[0]?.()
    while (answers.length < 2) await sleep(5)
    answers[1]?.()
    const watts = (await finishing)?.filter((r) => r.metric === 'node_power_mw')
    expect(watts).toMatchObject([{ value: 110_000 }, { value: 110_000 }])
  })

  it('that has gone is not waited for twice', async () => {
    const source = await open({ timeout_ms: 100 })
    device.answer(() => undefined)
    const before = device.asked.length
    await power(source)()
    const last = (await source.sensors[0]?.finish?.()) ?? []
    expect(last.every((r) => r.value === null)).toBe(true)
    expect(device.asked.length - before).toBeLessThanOrEqual(2)
  })

  it.each([1250, 2500])('with an interval of %i ms is refused: whole seconds', (interval_ms) => {
    const meter = { source: 'plug', url: 'http://h', kind: 'json', path: 'w', interval_ms }
    expect(meterSchema.safeParse(meter).error?.issues[0]?.message).toContain('whole seconds')
  })

  it('is asked one question at a time', async () => {
    const read = power(await open())
    device.answer(() => undefined)
    const before = device.asked.length
    await Promise.all([read(), read(), read()])
    expect(device.asked.length - before).toBe(1)
  })

  it('that hangs is given up after its time, as lost, and asked again', async () => {
    const read = power(await open({ timeout_ms: 100 }))
    device.answer(() => undefined)
    expect(await read()).toMatchObject([{ value: null, reason: 'lost' }])
    device.answer(() => ({ watts: 90 }))
    await sleep(260)
    expect(await read()).toMatchObject([{ value: 90_000 }])
  })

  it('is asked no more often than its interval', async () => {
    const hand = handClocks()
    const source = await open({ interval_ms: 5000 }, { clock: createClock(hand.time) })
    const read = power(source)
    const counts: number[] = []
    for (let second = 0; second < 11; second++) {
      counts.push((await read()).length)
      hand.pass(1000)
    }
    expect(counts).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
    expect(source.sensors[0]?.cadence).toBe('ring')
    expect((await open({ interval_ms: 500 })).sensors[0]?.cadence).toBe('gauge')
  })

  it('may break off a line that it left open, as the next question comes', async () => {
    const served = new WeakSet<Socket>()
    device.answer((_, response) => {
      const line = response.socket as Socket
      if (served.has(line)) line.resetAndDestroy()
      served.add(line)
      return { watts: 70 }
    })
    const hand = handClocks()
    const read = power(await open({}, { clock: createClock(hand.time) }))
    for (let asked = 0; asked < 4; asked++) {
      hand.pass(1000)
      expect(await read()).toMatchObject([{ value: 70_000 }])
    }
  })

  it('is left alone when its source is closed, even in the middle of a question', async () => {
    const source = await open({ timeout_ms: 30_000 })
    device.answer(() => undefined)
    expect(await power(source)()).toEqual([])
    source.close()
    await sleep(10)
    expect(await power(source)()).toMatchObject([{ reason: 'lost' }])
  })
})

describe('a meter', () => {
  it('that does not answer at first is asked a second time before it is missing', async () => {
    let asked = 0
    device.answer(() => (++asked === 1 ? 503 : { watts: 80 }))
    expect((await open()).sensors).toHaveLength(2)
  })

  it('of one power supply is a device of its own', async () => {
    const source = await open({ supply: 'psu1' })
    expect(source.devices).toMatchObject([{ device_id: 'supply:psu1', kind: 'supply' }])
    expect(source.sensors[0]?.row.scope).toBe('supply')
  })

  it('has the error bound and the age that its maker states', async () => {
    const row = (await open({ error_pct: 0.5, refresh_ms: 250 })).sensors[0]?.row
    expect(row).toMatchObject({ lag_ms: 250, accuracy: { gain_rel: 0.005, basis: 'vendor' } })
  })

  it.each([0, -5, 200_000])('that tells %d W during a run is implausible', async (watts) => {
    const read = power(await open())
    device.answer(() => ({ watts }))
    expect(await read()).toMatchObject([{ value: null, reason: 'implausible' }])
  })
})
