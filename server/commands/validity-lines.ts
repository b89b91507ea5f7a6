import { validityText } from '../../analysis/findings/run-validity.ts'
import type { RunValidity } from '../../analysis/schema/run-validity.ts'

/** A line for each run of which there is something to say before its numbers are believed. */
export const validityLines = (...runs: readonly RunValidity[]): string[] =>
  runs.flatMap((run) => validityText(run) ?? [])
