import { setTimeout as sleep } from 'node:timers/promises'
import { createClock } from '../agent/clock.ts'
import { createSampler } from '../agent/sampler.ts'
import { detectSensors } from '../agent/sensors/detect.ts'
import { hostOptions } from '../agent/sensors/host-options.ts'
import type { Cadence } from '../agent/sensors/sensor.ts'

/** What a sampling process is to do. */
export interface CostOrder {
  readonly cadences: readonly Cadence[]
  readonly interval_ms: number
}

/** What it took, of the whole process. */
export interface Cost {
  readonly cpu_s: number
  readonly wall_s: number
  readonly calls: number
  readonly rows: number
}

/** Compiling is over after this long, as it is in any run worth measuring. */
const SETTLE_MS = 5000

async function measureCost(order: CostOrder & { seconds: number }): Promise<Cost> {
  const clock = createClock()
  const found = await detectSensors(hostOptions(clock, process.env), ['nvml'])
  let calls = 0
  let rows = 0
  const sensors = found.sensors
    .filter((s) => order.cadences.includes(s.cadence))
    .map(({ row, cadence, read }) => ({
      row,
      cadence,
      read: () => {
        calls++
        return read()
      },
    }))
  const sampler = createSampler({
    clock,
    sensors,
    interval_ms: order.interval_ms,
    sink: (some) => {
      rows += some.length
    },
    onEvent: () => {},
    onAnchor: () => {},
  })
  await sampler.start()
  await sleep(SETTLE_MS)
  const [calls0, rows0, cpu0, t0] = [calls, rows, process.cpuUsage(), performance.now()]
  await sleep(order.seconds * 1000)
  const { user, system } = process.cpuUsage(cpu0)
  const cost: Cost = {
    cpu_s: (user + system) / 1e6,
    wall_s: (performance.now() - t0) / 1000,
    calls: calls - calls0,
    rows: rows - rows0,
  }
  await sampler.stop()
  found.close()
  return cost
}

const cost = await measureCost(JSON.parse(process.argv[2] as string))
process.send?.(cost, () => process.exit(0))
