import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { LoadResult } from './load.ts'

const RESOLUTION_MS = 1

/**
 * Watches the client's own process from now on, so that its delays are not taken for the engine's.
 * @returns a function that ends the watch and tells: the loop's delay (99th percentile, above the 1 ms at which it
 * is sampled), its utilisation (0 to 1), and the process's CPU seconds
 */
export function watchSelf(): () => LoadResult['self'] {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const loop = performance.eventLoopUtilization()
  const cpu = process.cpuUsage()
  return () => {
    delay.disable()
    const { user, system } = process.cpuUsage(cpu)
    return {
      loop_delay_p99_ms: Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS),
      event_loop_utilisation: performance.eventLoopUtilization(loop).utilization,
      cpu_s: (user + system) / 1e6,
    }
  }
}
