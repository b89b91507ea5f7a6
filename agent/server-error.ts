import type { Problem } from '../analysis/schema/wire.ts'

/**
 * The server did not do what was asked. `retry` says what to do: true, ask again later (no connection, overload,
 * a crash); false, the same request will be refused again.
 */
export class ServerError extends Error {
  /** HTTP status, null where no answer came. */
  readonly status: number | null
  /** The problem's stable code; for a connection the system's (ECONNREFUSED, timeout). */
  readonly code: string
  readonly retry: boolean
  readonly problem: Problem | null
  constructor(fault: {
    readonly status: number | null
    readonly code: string
    readonly detail: string
    readonly retry: boolean
    readonly problem?: Problem
  }) {
    super(fault.detail)
    this.name = 'ServerError'
    this.status = fault.status
    this.code = fault.code
    this.retry = fault.retry
    this.problem = fault.problem ?? null
  }
  get detail(): string {
    return this.message
  }
}
