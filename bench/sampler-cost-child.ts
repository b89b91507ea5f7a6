import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createClock } from '../agent/clock.ts'
import { createSampler } from '../agent/sampler.ts'
import { openSamplerThread, type SamplerSinks } from '../agent/sampler-thread.ts'
import { detectSensors } from '../agent/sensors/detect.ts'
import { hostOptions } from '../agent/sensors/host-options.ts'
import type { Cadence } from '../agent/sensors/sensor.ts'

/** What a sampling process is to do: in a thread of its own as the agent does, or beside all else. */
export interface CostOrder {
  readonly cadences: readonly Cadence[]
  readonly interval_ms: number
  readonly thread: boolean
}

/** What it took, of the whole process. */
export interface Cost {
  readonly cpu_s: number
  readonly wall_s: number
  readonly rows: number
}

/** Compiling, in threads beside, is over after this long: a run before its window takes longer. */
const SETTLE_MS = 25_000
const WORKER = fileURLToPath(new URL('./sampler-worker.mjs', import.meta.url))

async function measureCost(order: CostOrder & { seconds: number }): Promise<Cost> {
  const clock = createClock()
  let rows = 0
  const sinks: SamplerSinks = {
    interval_ms: order.interval_ms,
    sink: (some) => {
      rows += some.length
    },
    onEvent: () => {},
    onAnchor: () => {},
  }
  const host = hostOptions(clock, process.env)
  const open = async () => {
    if (order.thread) {
      const thread = await openSamplerThread(host, ['nvml'], { path: WORKER })
      return { sampler: thread.sampler(sinks), close: thread.close }
    }
    const found = await detectSensors(host, ['nvml'])
    const sensors = found.sensors.filter((s) => order.cadences.includes(s.cadence))
    return {
      sampler: createSampler({ clock, sensors, ...sinks }),
      close: async () => found.close(),
    }
  }
  const { sampler, close } = await open()
  await sampler.start()
  await sleep(SETTLE_MS)
  const [rows0, cpu0, t0] = [rows, process.cpuUsage(), performance.now()]
  await sleep(order.seconds * 1000)
  const { user, system } = process.cpuUsage(cpu0)
  const cost: Cost = {
    cpu_s: (user + system) / 1e6,
    wall_s: (performance.now() - t0) / 1000,
    rows: rows - rows0,
  }
  await sampler.stop()
  await close()
  return cost
}

const cost = await measureCost(JSON.parse(process.argv[2] as string))
process.send?.(cost, () => process.exit(0))
