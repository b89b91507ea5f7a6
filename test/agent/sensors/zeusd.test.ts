import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import type { Found, OpenSource } from '../../../agent/sensors/sensor.ts'
import { zeusd } from '../../../agent/sensors/zeusd.ts'
import { type Answer, type HttpDouble, httpDouble } from '../../support/http-double.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

let host: HostTree
let dir: string
let socketPath: string
let daemon: HttpDouble | null
let opened: OpenSource[]

beforeEach(() => {
  host = hostTree()
  dir = mkdtempSync(join(tmpdir(), 'llem-zeusd-'))
  socketPath = join(dir, 'zeusd.sock')
  daemon = null
  opened = []
})
afterEach(async () => {
  for (const source of opened) source.close()
  await daemon?.close()
  host.remove()
  rmSync(dir, { recursive: true, force: true })
})

const DISCOVERY = {
  gpus: [],
  cpus: [
    { id: 0, dram_available: true },
    { id: 1, dram_available: false },
  ],
  enabled_api_groups: ['cpu-read'],
  auth_required: false,
}
const GPUS = {
  ...DISCOVERY,
  cpus: [],
  gpus: [
    { id: 0, name: 'NVIDIA A40', pci_address: '0000:01:00.0', cumulative_energy_available: true },
    { id: 1, name: 'NVIDIA K80', pci_address: '0000:41:00.0', cumulative_energy_available: false },
  ],
  enabled_api_groups: ['gpu-control', 'gpu-read'],
}

/** What the daemon answers: its two packages, the second without a memory domain. */
const telling =
  (uj: () => number, discovery: object = DISCOVERY): Answer =>
  (path, response) => {
    if (path === '/discover') return discovery
    if (path.startsWith('/cpu/get_cumulative_energy?cpu=true&dram=true'))
      return {
        '0': { cpu_energy_uj: uj(), dram_energy_uj: uj() + 7 },
        '1': { cpu_energy_uj: uj() + 1, dram_energy_uj: null },
      }
    if (path === '/gpu/get_cumulative_energy?gpu_ids=0') return { '0': { energy_mj: uj() } }
    response.writeHead(404).end(JSON.stringify({ error: 'not found' }))
    return undefined
  }

const serve = async (answer: Answer) => {
  daemon = await httpDouble(answer, { socketPath })
}
const zones = (...names: string[]) =>
  host.write(Object.fromEntries(names.map((n, i) => [`class/powercap/intel-rapl:${i}/name`, n])))

async function open(
  env: Record<string, string> = { ZEUSD_SOCK_PATH: socketPath },
  found?: Found,
): Promise<OpenSource> {
  const source = await zeusd.open(hostAt({ sysfsRoot: host.root, env }), found)
  opened.push(source)
  return source
}
const ids = (source: OpenSource) => source.sensors.map((s) => s.row.sensor_id)
const NO_GPU: Found = { devices: [], rows: [] }

describeSource({
  name: 'zeusd',
  counters: true,
  async present() {
    zones('package-0', 'package-1')
    let uj = 5_000_000
    await serve(telling(() => uj))
    const clock = createClock()
    const source = await zeusd.open(
      hostAt({ clock, sysfsRoot: host.root, env: { ZEUSD_SOCK_PATH: socketPath } }),
    )
    return {
      source,
      clock,
      pass() {
        uj += 1000
      },
      lose: () => daemon?.answer((_, response) => void response.destroy()),
    }
  },
  absent: () => open({}),
})

describe('zeusd', () => {
  it("tells RAPL's counters through its socket, wraps undone, and memory where there is a domain", async () => {
    zones('package-0', 'package-1')
    await serve(telling(() => 3_000_000))
    const source = await open()
    expect(ids(source)).toEqual(['cpu_package:0:zeusd', 'dram:0:zeusd', 'cpu_package:1:zeusd'])
    expect(source.sensors[0]?.row).toMatchObject({ scope: 'package', source: 'zeusd', range: null })
    const rows = (await Promise.all(source.sensors.map((s) => s.read()))).flat()
    expect(rows.map((r) => r.value)).toEqual([3_000_000, 3_000_007, 3_000_001])
    // Asked together, they are one question and one time.
    expect(new Set(rows.map((r) => r.t_ns)).size).toBe(1)
    expect(daemon?.asked.filter((a) => a.includes('/cpu/'))).toHaveLength(2)
  })

  it('never calls anything but its reading routes', async () => {
    zones('package-0', 'package-1')
    await serve(telling(() => 1_000_000))
    const source = await open()
    for (const sensor of source.sensors) await sensor.read()
    for (const asked of daemon?.asked ?? [])
      expect(asked).toMatch(/^GET \/(discover$|cpu\/get_cumulative_energy)/)
  })

  it('knows the platform around all packages by the name of its zone', async () => {
    zones('package-0', 'psys')
    await serve(telling(() => 1_000_000))
    const source = await open()
    expect(source.sensors.map((s) => [s.row.device_id, s.row.scope])).toEqual([
      ['cpu_package:0', 'package'],
      ['dram:0', 'dram'],
      ['platform:0', 'platform'],
    ])
  })

  it('guesses no zone: where their names are hidden, several are ambiguous and one is the package', async () => {
    await serve(telling(() => 1_000_000))
    const hidden = await open()
    expect(hidden.sensors).toEqual([])
    expect(hidden.missing[0]).toMatchObject({ reason: 'ambiguous_mapping' })
    daemon?.answer(telling(() => 1_000_000, { ...DISCOVERY, cpus: DISCOVERY.cpus.slice(0, 1) }))
    expect(ids(await open())).toEqual(['cpu_package:0:zeusd', 'dram:0:zeusd'])
  })

  it('is reached over TCP too, with a token', async () => {
    zones('package-0', 'package-1')
    daemon = await httpDouble(telling(() => 1_000_000, { ...DISCOVERY, auth_required: true }))
    const ZEUSD_HOST_PORT = daemon.url.replace('http://', '')
    const denied = await open({ ZEUSD_HOST_PORT })
    expect(denied.missing).toMatchObject([{ reason: 'permission_denied' }])
    expect(denied.missing[0]?.fix).toContain('ZEUSD_TOKEN')
    const source = await open({ ZEUSD_HOST_PORT, ZEUSD_TOKEN: 'abc' })
    expect(source.sensors).toHaveLength(3)
    expect(daemon.headers.at(-1)?.authorization).toBe('Bearer abc')
    expect(JSON.stringify(source.environment)).not.toContain('abc')
  })

  it('tells GPUs by PCI address, those alone that have a counter, and only where no driver does', async () => {
    await serve(telling(() => 9000, GPUS))
    const source = await open()
    expect(source.devices).toMatchObject([
      { device_id: 'gpu:0000:01:00.0', kind: 'gpu', vendor: 'nvidia', pci: '0000:01:00.0' },
    ])
    expect(await source.sensors[0]?.read()).toMatchObject([
      { metric: 'gpu_energy_mj', value: 9000 },
    ])
    const found: Found = { ...NO_GPU, devices: [{ device_id: 'GPU-1', kind: 'gpu' }] }
    expect((await open(undefined, found)).sensors).toEqual([])
  })

  it('is not even asked where RAPL and the drivers tell it all', async () => {
    await serve(telling(() => 1))
    const found: Found = {
      devices: [{ device_id: 'GPU-1', kind: 'gpu' }],
      rows: [{ sensor_id: 's', device_id: 'c', metric: 'cpu_energy_uj', source: 'rapl' }],
    }
    expect((await open(undefined, found)).missing).toMatchObject([{ reason: 'no_device' }])
    expect(daemon?.asked).toEqual([])
  })

  it.each<[string, Answer, string, string]>([
    ['no JSON', () => 'hello', 'unsupported', 'other than JSON'],
    ['other JSON', () => ({ cpus: 3 }), 'unsupported', 'zeusd does not say'],
    ['HTTP 403', () => 403, 'permission_denied', 'HTTP 403'],
    ['HTTP 500', () => 500, 'lost', 'HTTP 500'],
    [
      'a redirect',
      (_, r) => void r.writeHead(302, { location: 'http://x/' }).end(),
      'unsupported',
      'redirect',
    ],
    ['a closed line', (_, r) => void r.destroy(), 'lost', "can't be reached"],
    ['another group', () => ({ ...DISCOVERY, enabled_api_groups: [] }), 'unsupported', 'cpu-read'],
    ['a megabyte', () => 'x'.repeat(1_100_000), 'unsupported', 'megabyte'],
  ])('that answers with %s is missing and says so', async (_, answer, reason, words) => {
    await serve(answer)
    const source = await open()
    expect(source.sensors).toEqual([])
    expect(source.missing).toMatchObject([{ reason }])
    expect(source.missing[0]?.fix).toContain(words)
  })

  it('that is not there is missing, with the remedy', async () => {
    const nowhere = join(host.root, 'no.sock')
    const source = await open({ ZEUSD_SOCK_PATH: nowhere })
    expect(source.missing.map((m) => m.fix)).toEqual([
      `zeusd at ${nowhere} can't be reached (ENOENT); start zeusd there, or set ZEUSD_SOCK_PATH to its socket or ZEUSD_HOST_PORT to its HOST:PORT.`,
    ])
  })

  it('that never answers is given up', async () => {
    await serve(() => undefined)
    const source = await open()
    expect(source.missing).toMatchObject([{ reason: 'lost' }])
    expect(source.missing[0]?.fix).toContain('no answer in time')
  })

  it('gives null with a reason when a package fails, as the daemon words it', async () => {
    zones('package-0', 'package-1')
    await serve(telling(() => 1_000_000))
    const source = await open()
    daemon?.answer((_, response) => {
      response.writeHead(500).end(JSON.stringify({ errors: { '1': 'IOError: ...' } }))
      return undefined
    })
    expect(await source.sensors[0]?.read()).toMatchObject([{ value: null, reason: 'lost' }])
  })
})
