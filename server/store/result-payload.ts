import type { Result } from '../../analysis/schema/result.ts'

/** A stored result as it was imported. */
export const resultOf = (row: { readonly payload: string }): Result =>
  JSON.parse(row.payload) as Result
