import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Clock } from '../clock.ts'
import { processCpuSeconds, type ThreadCpu } from '../thread-cpu.ts'
import type { Sensor } from './sensor.ts'

/** The agent is no device that could be measured, and its rows need a name all the same. */
const DEVICE = 'agent'
/** Phase edges follow one another closely, and over milliseconds a share says nothing. */
const SHORTEST_NS = 0.5e9

/**
 * What the agent itself takes of one core, once a second, as the mean since the reading before: the whole process
 * (sampling, load, recording), and the thread that samples alone where the system tells it.
 */
export function agentCpu(clock: Clock, thread: ThreadCpu): readonly Sensor[] {
  const whole = share(clock, 'agent_process', processCpuSeconds)
  return thread.basis === 'process'
    ? [whole]
    : [whole, share(clock, 'agent_sampler', thread.seconds)]
}

function share(
  clock: Clock,
  source: 'agent_process' | 'agent_sampler',
  seconds: () => number,
): Sensor {
  const row: SensorRow = {
    sensor_id: `${DEVICE}:${source}`,
    device_id: DEVICE,
    metric: 'agent_cpu_pct',
    source,
  }
  let last: { t_ns: number; cpu_s: number } | null = null
  return {
    row,
    cadence: 'ring',
    read() {
      const t_ns = clock.now()
      if (last !== null && t_ns - last.t_ns < SHORTEST_NS) return []
      const [before, now] = [last, { t_ns, cpu_s: seconds() }]
      last = now
      if (before === null) return []
      const { sensor_id, device_id, metric } = row
      const value = (100 * (now.cpu_s - before.cpu_s)) / ((now.t_ns - before.t_ns) / 1e9)
      return [{ t_ns: now.t_ns, device_id, sensor_id, metric, value, reason: null }]
    },
  }
}
