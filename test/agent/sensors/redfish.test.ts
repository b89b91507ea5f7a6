import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { redfish } from '../../../agent/sensors/redfish.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import { meterSchema } from '../../../analysis/schema/meter.ts'
import { handClocks } from '../../support/hand-time.ts'
import { type Answer, type HttpDouble, httpDouble } from '../../support/http-double.ts'
import { SELF_SIGNED } from '../../support/self-signed.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

let bmc: HttpDouble | null
let opened: OpenSource[]
beforeEach(() => {
  bmc = null
  opened = []
})
afterEach(async () => {
  for (const source of opened) source.close()
  await bmc?.close()
})

const link = (path: string) => ({ '@odata.id': path })
const ROOT = '/redfish/v1/Chassis'

/** A controller with one chassis of the older kind and one that tells no power. */
const older =
  (watts: () => unknown): Answer =>
  (path) => {
    if (path === ROOT) return { Members: [link(`${ROOT}/1`), link(`${ROOT}/Fans`)] }
    if (path === `${ROOT}/1`) return { Id: '1', Power: link(`${ROOT}/1/Power/`) }
    if (path === `${ROOT}/Fans`) return { Id: 'Fans' }
    if (path === `${ROOT}/1/Power/`)
      return { PowerControl: [{ PowerConsumedWatts: watts(), PowerCapacityWatts: 1600 }] }
    return 404
  }
/** One of the newer kind, whose baseboard of GPUs tells its power too. */
const newer =
  (watts: () => unknown): Answer =>
  (path) => {
    if (path === ROOT) return { Members: [link(`${ROOT}/System`), link(`${ROOT}/HGX`)] }
    const chassis = /Chassis\/(System|HGX)$/.exec(path)?.[1]
    if (chassis) return { Id: chassis, EnvironmentMetrics: link(`${path}/EnvironmentMetrics`) }
    if (path.endsWith('/EnvironmentMetrics'))
      return { PowerWatts: { Reading: path.includes('HGX') ? 3000 : watts() } }
    return 404
  }

async function open(settings: object = {}, env: Record<string, string> = {}): Promise<OpenSource> {
  const meter = meterSchema.parse({
    source: 'redfish',
    url: bmc?.url,
    timeout_ms: 300,
    ...settings,
  })
  const source = await redfish.open(hostAt({ meters: [meter], env }))
  opened.push(source)
  return source
}
const serve = async (answer: Answer, tls?: typeof SELF_SIGNED) => {
  bmc = await httpDouble(answer, tls ? { tls } : {})
}

describeSource({
  name: 'redfish',
  async present() {
    await serve(older(() => 590))
    const hand = handClocks()
    const clock = createClock(hand.time)
    const meter = meterSchema.parse({ source: 'redfish', url: bmc?.url })
    const source = await redfish.open(hostAt({ clock, meters: [meter] }))
    return {
      source,
      clock,
      pass: () => hand.pass(1000),
      lose: () => bmc?.answer(() => 503),
    }
  },
  absent: () => redfish.open(hostAt()),
})

describe('a management controller by Redfish', () => {
  it('tells the power of the node, as of the middle of the question, with how long it took', async () => {
    await serve(older(() => 590.5))
    const source = await open()
    expect(source.devices).toMatchObject([{ device_id: 'node:0', kind: 'node' }])
    expect(source.sensors[0]?.row).toMatchObject({
      sensor_id: 'node:0:redfish',
      metric: 'node_power_mw',
      scope: 'node',
      lag_ms: 2000,
      accuracy: { gain_rel: 0.05, basis: 'assumed' },
    })
    const rows = (await source.sensors[0]?.read()) ?? []
    expect(rows).toMatchObject([
      { metric: 'node_power_mw', value: 590_500, reason: null },
      { metric: 'meter_span_ms', reason: null },
    ])
    expect(rows[1]?.value).toBeGreaterThan(0)
    expect(rows[0]?.t_ns).toBe(rows[1]?.t_ns)
    expect(source.environment).toEqual({
      redfish: [{ device_id: 'node:0', url: bmc?.url, chassis: '1', path: `${ROOT}/1/Power/` }],
    })
  })

  it('looks for the chassis once, and then asks one question a reading', async () => {
    await serve(older(() => 590))
    const source = await open()
    const before = bmc?.asked.length ?? 0
    await source.sensors[0]?.read()
    expect(bmc?.asked.slice(before)).toEqual([`GET ${ROOT}/1/Power/`])
  })

  it('wants to know which chassis is the node, where several tell their power', async () => {
    await serve(newer(() => 5200))
    const source = await open()
    expect(source.missing).toMatchObject([{ device_id: 'node:0', reason: 'ambiguous_mapping' }])
    expect(source.missing[0]?.fix).toContain('System, HGX')
    const named = await open({ chassis: 'System' })
    expect(await named.sensors[0]?.read()).toMatchObject([{ value: 5_200_000 }, {}])
    expect((await open({ chassis: 'Rack' })).missing[0]?.fix).toContain('it has System, HGX')
  })

  it('logs in by what the environment holds, and keeps it out of what is recorded', async () => {
    await serve(older(() => 590))
    const login = { user_env: 'BMC_USER', password_env: 'BMC_PASSWORD' }
    const env = { BMC_USER: 'reader', BMC_PASSWORD: 's3cret' }
    const source = await open(login, env)
    expect(bmc?.headers[0]?.authorization).toBe(
      `Basic ${Buffer.from('reader:s3cret').toString('base64')}`,
    )
    const recorded = JSON.stringify([source.environment, source.sensors.map((s) => s.row)])
    expect(recorded).not.toContain('s3cret')
    expect((await open(login)).missing).toMatchObject([{ reason: 'permission_denied' }])
    expect((await open(login)).missing[0]?.fix).toContain('BMC_USER')
  })

  it('is trusted with a certificate of its own only where the configuration says so', async () => {
    await serve(
      older(() => 590),
      SELF_SIGNED,
    )
    const refused = await open()
    expect(refused.sensors).toEqual([])
    expect(refused.missing[0]?.fix).toContain('self_signed: true')
    expect((await open({ self_signed: true })).sensors).toHaveLength(2)
  })

  it.each<[string, Answer, string, string]>([
    ['401', () => 401, 'permission_denied', 'another login'],
    ['nothing in time', () => undefined, 'lost', 'no answer in time'],
    ['garbage', () => '<html>', 'unsupported', 'other than JSON'],
    ['other JSON', () => ({ Members: 'none' }), 'unsupported', 'Redfish list of chassis'],
    ['a path elsewhere', () => ({ Members: [link('@evil.example/x')] }), 'unsupported', 'Redfish'],
    [
      'a redirect',
      (_, r) => void r.writeHead(308, { location: 'https://x/' }).end(),
      'unsupported',
      'redirect to https://x/',
    ],
    ['no chassis', () => ({ Members: [] }), 'unsupported', 'tells no power of any chassis'],
    ['0 W', older(() => 0), 'implausible', 'tells 0 W'],
    ['null', older(() => null), 'unsupported', 'tells no power of 1, Fans'],
  ])('that answers with %s is missing and says so', async (_, answer, reason, words) => {
    await serve(answer)
    const source = await open()
    expect(source.sensors).toEqual([])
    expect(source.missing).toMatchObject([{ device_id: 'node:0', reason }])
    expect(source.missing[0]?.fix).toContain(words)
    expect(source.missing[0]?.fix).toMatch(
      /^The management controller at .*\. Its readings of the node will be missing\.$/,
    )
  })
})
