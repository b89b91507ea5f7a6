import type { RunData } from './run-data.ts'

/** How far a time of this run may be from the wall clock's, ns: the worst of what its processes tell; 0 where none does. */
export const clockError = (run: Pick<RunData, 'processes'>): number =>
  Math.max(0, ...run.processes.flatMap((p) => p.clock.map((c) => c.error_ns ?? 0)))
