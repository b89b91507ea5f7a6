import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { plug } from '../../../agent/sensors/plug.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import { meterSchema } from '../../../analysis/schema/meter.ts'
import { handClocks } from '../../support/hand-time.ts'
import { type Answer, type HttpDouble, httpDouble } from '../../support/http-double.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

let device: HttpDouble | null
let opened: OpenSource[]
beforeEach(() => {
  device = null
  opened = []
})
afterEach(async () => {
  for (const source of opened) source.close()
  await device?.close()
})

async function open(settings: object, answer: Answer, env: Record<string, string> = {}) {
  device = await httpDouble(answer)
  const { url } = device
  const meter = meterSchema.parse({ source: 'plug', url, timeout_ms: 300, ...settings })
  const source = await plug.open(hostAt({ meters: [meter], env }))
  opened.push(source)
  return source
}
const read = async (source: OpenSource) => (await source.sensors[0]?.read())?.[0]?.value

const SHELLY_1: Answer = (path) =>
  path === '/shelly'
    ? { type: 'SHPLG-S', auth: false }
    : path === '/status'
      ? { relays: [{ ison: true }], meters: [{ power: 212.5, is_valid: true }, { power: 9 }] }
      : 404
const shelly2 =
  (status: object): Answer =>
  (path) =>
    path === '/shelly'
      ? { model: 'SNPL-00112EU', gen: 2 }
      : path === '/rpc/Shelly.GetStatus'
        ? status
        : 404
const TASMOTA =
  (power: unknown): Answer =>
  (path) =>
    path.startsWith('/cm?cmnd=Status%208')
      ? { StatusSNS: { Time: '2026-11-24T10:00:00', ENERGY: { Total: 3.2, Power: power } } }
      : 404

describeSource({
  name: 'plug',
  async present() {
    device = await httpDouble(SHELLY_1)
    const hand = handClocks()
    const clock = createClock(hand.time)
    const meter = meterSchema.parse({ source: 'plug', url: device.url, kind: 'shelly' })
    return {
      source: await plug.open(hostAt({ clock, meters: [meter] })),
      clock,
      pass: () => hand.pass(1000),
      lose: () => device?.answer(() => 'garbage'),
    }
  },
  absent: () => plug.open(hostAt()),
})

describe('a smart plug', () => {
  it('of Shelly is read by its generation', async () => {
    const kind = 'shelly'
    expect(await read(await open({ kind }, SHELLY_1))).toBe(212_500)
    expect(await read(await open({ kind, channel: 1 }, SHELLY_1))).toBe(9000)
    const status = { 'switch:0': { id: 0, output: true, apower: 301.2 } }
    expect(await read(await open({ kind }, shelly2(status)))).toBe(301_200)
    expect(await read(await open({ kind }, shelly2({ 'pm1:0': { apower: 77 } })))).toBe(77_000)
    expect(await read(await open({ kind }, shelly2({ 'em:0': { total_act_power: 5 } })))).toBe(5000)
  })

  it('of Shelly without a meter tells nothing', async () => {
    const source = await open({ kind: 'shelly' }, shelly2({ 'switch:0': { output: true } }))
    expect(source.missing).toMatchObject([{ reason: 'unsupported' }])
    expect(source.missing[0]?.fix).toContain('tells no power')
  })

  it('with Tasmota tells a number or one an outlet, and takes its login in the query', async () => {
    expect(await read(await open({ kind: 'tasmota' }, TASMOTA(187)))).toBe(187_000)
    expect(await read(await open({ kind: 'tasmota', channel: 1 }, TASMOTA([1, 2])))).toBe(2000)
    const login = { kind: 'tasmota', user_env: 'U', password_env: 'P' }
    const source = await open(login, TASMOTA(187), { U: 'admin', P: 'a&b' })
    expect(device?.asked[0]).toBe('GET /cm?cmnd=Status%208&user=admin&password=a%26b')
    expect(JSON.stringify(source.environment)).not.toContain('admin')
  })

  it('of any kind is read at a path of its JSON, in its unit', async () => {
    const answer: Answer = () => ({ data: { meters: [{}, { power: '0.25' }] } })
    const settings = { kind: 'json', path: 'data.meters[1].power', unit: 'kW' }
    expect(await read(await open(settings, answer))).toBe(250_000)
    const wrong = await open({ ...settings, path: 'data.meters[7].power' }, answer)
    expect(wrong.missing[0]?.fix).toContain('tells no power at data.meters[7].power')
  })

  it('is asked at the very address that is written, with its token', async () => {
    device = await httpDouble((path) =>
      path === '/api/states/sensor.x?f=1' ? { state: '64.1' } : 404,
    )
    const url = `${device.url}/api/states/sensor.x?f=1`
    const meter = meterSchema.parse({
      source: 'plug',
      url,
      kind: 'json',
      path: 'state',
      token_env: 'T',
    })
    const source = await plug.open(hostAt({ meters: [meter], env: { T: 'abc' } }))
    opened.push(source)
    expect(await read(source)).toBe(64_100)
    expect(device.headers[0]?.authorization).toBe('Bearer abc')
  })

  it('that sends its password on to another address has it in no message', async () => {
    const login = { kind: 'tasmota', user_env: 'U', password_env: 'P' }
    const away: Answer = (path, response) =>
      void response.writeHead(302, { location: `https://other${path}` }).end()
    const source = await open(login, away, { U: 'admin', P: 's3cret' })
    expect(source.missing[0]?.fix).toContain('redirect to https://other/cm;')
    expect(JSON.stringify(source.missing)).not.toContain('s3cret')
  })

  it.each<[string, Answer, string]>([
    ['401', () => 401, 'permission_denied'],
    ['nothing in time', () => undefined, 'lost'],
    ['garbage', () => 'W', 'unsupported'],
    ['a redirect', (_, r) => void r.writeHead(301, { location: '/x' }).end(), 'unsupported'],
    ['0 W', TASMOTA(0), 'implausible'],
    ['a word for a number', TASMOTA('much'), 'unsupported'],
    ['true', TASMOTA(true), 'unsupported'],
  ])('that answers with %s is missing and says so', async (_, answer, reason) => {
    const source = await open({ kind: 'tasmota' }, answer)
    expect(source.sensors).toEqual([])
    expect(source.missing).toMatchObject([{ device_id: 'node:0', reason }])
  })
})
