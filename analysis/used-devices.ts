import type { RunData } from './run-data.ts'

/**
 * The devices that the engine computes on: those in the processes' `device_ids`. Where no process names any
 * (a record written by hand) and the configuration does not say "none here", all GPUs, else the CPU and its memory.
 * Source: docs/metrics.md, "Energy".
 */
export function usedDeviceIds(run: RunData): ReadonlySet<string> {
  const named = new Set(run.processes.flatMap((p) => p.device_ids))
  if (named.size > 0 || run.experiment.devices?.length === 0) return named
  const gpus = run.devices.filter((d) => d.kind === 'gpu' || d.kind === 'gpu_instance')
  const rest = run.devices.filter((d) => d.kind === 'cpu_package' || d.kind === 'dram')
  return new Set((gpus.length > 0 ? gpus : rest).map((d) => d.device_id))
}
