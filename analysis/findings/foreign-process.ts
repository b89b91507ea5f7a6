import { eventsOf, type ReadEvent } from '../readings/event-detail.ts'
import type { RunData } from '../readings/run-data.ts'
import { type GpuProcess, gpuProcessesSchema } from '../schema/device-events.ts'
import type { Finding } from '../schema/finding.ts'
import type { Window } from '../window.ts'

/**
 * Processes on the measured devices that are neither the engine's nor the agent's. Judged only where the driver's process
 * numbers are those of this system and the engine itself was seen on a device: in a container of its own it would look
 * foreign.
 * @param device_ids the devices whose energy is counted; of a partitioned GPU the whole one
 * Source: docs/metrics.md, "Validity", foreign_process.
 */
export function foreignProcesses(
  run: RunData,
  device_ids: readonly string[],
  window: Window,
): Finding[] {
  const told = inForce(eventsOf(run, 'gpu_processes', gpuProcessesSchema), window)
  if (told.length === 0 || told.some(({ detail }) => !detail.mappable)) return []
  const engine = pidsOf(run, (role) => role === 'worker')
  const known = new Set([...engine, ...pidsOf(run, (role) => role !== 'worker')])
  const on = (id: string) => told.flatMap(({ detail }) => detail.devices[id] ?? [])
  const all = device_ids.flatMap(on)
  const ours = all.filter((p) => descends(p, engine))
  if (ours.length === 0) return []
  // Workers of one launcher share its process group, whoever of them holds the port.
  const groups = new Set(ours.flatMap((p) => p.group ?? []))
  const isForeign = (p: GpuProcess) =>
    !descends(p, known) && (p.group == null || !groups.has(p.group))
  return device_ids.flatMap((device_id) => {
    const foreign = new Map(
      on(device_id)
        .filter(isForeign)
        .map((p) => [p.pid, p]),
    )
    if (foreign.size === 0) return []
    const processes = [...foreign.values()].map(({ pid, name, kind, memory_bytes }) => ({
      pid,
      name: name ?? null,
      kind: kind ?? null,
      memory_bytes: memory_bytes ?? null,
    }))
    return [
      {
        code: 'foreign_process' as const,
        severity: 'caution' as const,
        message: `${device_id} was also used by ${processes.map((p) => `process ${p.pid} (${p.name ?? 'unknown'})`).join(', ')} during the window, so its energy holds work that is not the engine's. Stop what else runs there and measure again.`,
        evidence: { device_id, processes },
      },
    ]
  })
}

/** What held at the window's start, and all that was told within it. */
function inForce<T>(events: readonly ReadEvent<T>[], window: Window): readonly ReadEvent<T>[] {
  const first = events.findLastIndex((e) => e.t_ns <= window.start_ns)
  return events.slice(Math.max(first, 0)).filter((e) => e.t_ns <= window.end_ns)
}

const pidsOf = (run: RunData, wanted: (role: string | null) => boolean): ReadonlySet<number> =>
  new Set(run.processes.filter((p) => wanted(p.role)).flatMap((p) => p.pid ?? []))

const descends = (process: GpuProcess, pids: ReadonlySet<number>): boolean =>
  [process.pid, process.group, ...(process.ancestors ?? [])].some((p) => p != null && pids.has(p))
