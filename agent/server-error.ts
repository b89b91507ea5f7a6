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
  /** config: the command line or the configuration is wrong (exit 2); failed: anything else (exit 1). */
  readonly kind: 'config' | 'failed'
  constructor(fault: {
    readonly status: number | null
    readonly code: string
    readonly detail: string
    readonly retry: boolean
    readonly problem?: Problem
    readonly kind?: 'config' | 'failed'
  }) {
    super(fault.detail)
    this.name = 'ServerError'
    this.status = fault.status
    this.code = fault.code
    this.retry = fault.retry
    this.problem = fault.problem ?? null
    this.kind = fault.kind ?? 'failed'
  }
  get detail(): string {
    return this.message
  }
}
