import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { battery } from '../../../agent/sensors/battery.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

let host: HostTree
beforeEach(() => {
  host = hostTree()
})
afterEach(() => host.remove())

const supply = (name: string, files: Record<string, string | number>) =>
  host.write(
    Object.fromEntries(
      Object.entries(files).map(([f, t]) => [`class/power_supply/${name}/${f}`, t]),
    ),
  )

function laptop(): void {
  supply('AC', { type: 'Mains', online: 0 })
  supply('BAT0', { type: 'Battery', status: 'Discharging', power_now: 12_340_000 })
  supply('hid-mouse', {
    type: 'Battery',
    scope: 'Device',
    status: 'Discharging',
    online: 1,
    power_now: 99,
  })
}

const clock = createClock()
const open = () => battery.open(hostAt({ clock, sysfsRoot: host.root }))
const read = async () => {
  const [row] = (await (await open()).sensors[0]?.read()) ?? []
  return row?.value ?? row?.reason
}

describeSource({
  name: 'battery',
  async present() {
    laptop()
    return { source: await open(), clock, pass() {}, lose: () => host.take('class') }
  },
  absent: open,
})

describe('a battery', () => {
  it('is what the whole node draws, while it alone feeds it', async () => {
    laptop()
    expect((await open()).sensors[0]?.row).toMatchObject({
      device_id: 'node:0',
      metric: 'node_power_mw',
      scope: 'node',
      accuracy: { basis: 'assumed' },
    })
    expect(await read()).toBe(12_340)
  })

  it('is current × voltage where it tells no power, whatever the sign', async () => {
    laptop()
    host.take('class/power_supply/BAT0/power_now')
    supply('BAT0', { current_now: -1_000_000, voltage_now: 11_500_000 })
    expect(await read()).toBe(11_500) // 1 A × 11.5 V
  })

  it('adds two that are drained at once, and leaves one out that rests', async () => {
    laptop()
    supply('BAT1', { type: 'Battery', status: 'Discharging', power_now: 5_000_000 })
    expect(await read()).toBe(17_340)
    supply('BAT1', { status: 'Not charging' })
    expect(await read()).toBe(12_340)
  })

  it.each(['Charging', 'Full', 'Not charging', 'Unknown'])(
    'tells nothing while it is "%s"',
    async (status) => {
      laptop()
      supply('BAT0', { status })
      expect(await read()).toBe('on_mains')
    },
  )

  it('tells nothing while a charger helps it', async () => {
    laptop()
    supply('ucsi', { type: 'USB', online: 1 })
    expect(await read()).toBe('on_mains')
  })

  it('gives null for a gauge that shows 0 W on battery', async () => {
    laptop()
    supply('BAT0', { power_now: 0 })
    expect(await read()).toBe('implausible')
  })
})
