import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type HostTree, hostTree } from '../agent/sensors/host-tree.ts'
import { type HttpDouble, httpDouble } from '../support/http-double.ts'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'
import { ROOT } from '../support/root.ts'
import { SELF_SIGNED } from '../support/self-signed.ts'

let home: Home
let host: HostTree
let bmc: HttpDouble
let plug: HttpDouble
let energy: number
let ticking: NodeJS.Timeout

const SECRET = 'correct-horse'
const POWER = '/redfish/v1/Chassis/1/Power'

beforeEach(async () => {
  host = hostTree()
  home = makeHome({ LLEM_SYSFS_ROOT: host.root, BMC_USER: 'reader', BMC_PASSWORD: SECRET })
  // A processor of 100 W, as its counter tells it: written in place, for a reader must never find it empty.
  const zone = 'class/powercap/intel-rapl:0'
  const counter = () => `${Math.round(performance.now() * 100_000)}`.padStart(20)
  host.write({
    [`${zone}/name`]: 'package-0',
    [`${zone}/energy_uj`]: counter(),
    [`${zone}/max_energy_range_uj`]: 262_143_328_850,
  })
  energy = openSync(join(host.root, zone, 'energy_uj'), 'r+')
  ticking = setInterval(() => writeSync(energy, counter(), 0), 20)
  bmc = await httpDouble(
    (path) => {
      if (path === '/redfish/v1/Chassis')
        return { Members: [{ '@odata.id': '/redfish/v1/Chassis/1' }] }
      if (path === POWER) return { PowerControl: [{ PowerConsumedWatts: 250 }] }
      return { Id: '1', Power: { '@odata.id': POWER } }
    },
    { tls: SELF_SIGNED },
  )
  plug = await httpDouble(() => undefined) // never answers
})
afterEach(async () => {
  clearInterval(ticking)
  closeSync(energy)
  await bmc.close()
  await plug.close()
  home.remove()
  host.remove()
})

describe('a run with a meter of the node', () => {
  it('knows what the node draws beyond its parts, and keeps the password out of its record', async () => {
    const config = {
      model: 'double',
      engine: {
        name: 'openai',
        launcher: 'command',
        command: [
          process.execPath,
          join(ROOT, 'test/support/openai-server.mjs'),
          '--port',
          '{port}',
        ],
        base_url: 'http://127.0.0.1:{port}/v1',
      },
      load: { concurrency: 2, duration_s: 3 },
      data: { input_tokens: 8, output_tokens: 16 },
      phases: { baseline_s: 0, idle_s: 0, warmup: 0, cooldown_s: 2, window: 'phase' },
      sensors: {
        meters: [
          {
            source: 'redfish',
            url: bmc.url,
            user_env: 'BMC_USER',
            password_env: 'BMC_PASSWORD',
            self_signed: true,
          },
          { source: 'plug', url: plug.url, kind: 'shelly', timeout_ms: 200 },
        ],
      },
    }
    const file = join(home.dir, 'run.json')
    writeFileSync(file, JSON.stringify(config))
    const out = join(home.dir, 'out')
    const ended = await run(AGENT, ['run', file, '--json', '--out', out], home)
    expect([0, 3], ended.stderr).toContain(ended.code)

    const { metrics, window } = JSON.parse(ended.stdout).runs[0]
    const value = (id: string): number => metrics[id].value
    expect(metrics.energy_node_j).toMatchObject({ provenance: 'redfish', scope: 'node' })
    expect(value('energy_node_j')).toBeCloseTo(250 * window.duration_s, 3)
    expect(metrics.energy_host_j).toMatchObject({ provenance: 'rapl', scope: 'package' })
    expect(value('energy_host_j') + value('energy_overhead_j')).toBeCloseTo(
      value('energy_node_j'),
      6,
    )

    const record = readFileSync(join(out, 'run.json'), 'utf8')
    expect(JSON.parse(record).run.experiment.sensors.meters[0].password_env).toBe('BMC_PASSWORD')
    expect(JSON.parse(record).environment.missing_sensors).toContainEqual(
      expect.objectContaining({ source: 'plug', reason: 'lost' }),
    )
    for (const text of [record, ended.stdout, ended.stderr]) expect(text).not.toContain(SECRET)
    expect(bmc.asked.every((a) => a.startsWith('GET /redfish/v1/Chassis'))).toBe(true)
  }, 60_000)
})
