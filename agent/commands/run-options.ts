import type { RunResult } from '../recording.ts'

/** Where the readings of runs go, and how their results are given: the same for everything that measures. */
export interface RecordOptions {
  /** URL, or null for the embedded server; false for --no-server. */
  readonly server: string | null | false
  readonly db: string
  readonly out: string | null
  readonly json: boolean
  /** How long to wait for a GPU that another agent measures, s. */
  readonly lock_wait_s?: number
}

export interface RunOptions extends RecordOptions {
  readonly set: readonly string[]
  readonly item: string | null
  readonly dryRun: boolean
}

/** Done, failed, wrong configuration, done but invalid, interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130

/** A run that has ended, and where it is now. */
export interface FinishedRun {
  readonly result: RunResult
  /** True when the server has it whole; false when it is still in the spool. */
  readonly shipped: boolean
  readonly bundle: string | null
  /** What was run, with every default. */
  readonly configuration: Readonly<Record<string, unknown>>
}
