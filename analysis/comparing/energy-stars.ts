/** Stars of the AI Energy Score. */
export type Stars = 1 | 2 | 3 | 4 | 5

const J_PER_WH = 3600

/** Watt-hours of the GPUs per 1,000 queries, as AI Energy Score shows them, from joules per request. */
export const whPer1000Queries = (energy_per_request_j: number): number =>
  (1000 * energy_per_request_j) / J_PER_WH

/**
 * Stars of an energy among the models of a task (and class, for text generation): a fifth of the models each, five for the
 * lowest. Equal energies get the better number.
 * @param board energies of all models of the board, any order and unit; the one to place is not among them
 * @param own in the same unit
 * @returns null where the board has under five models: then a fifth is less than one
 * Source: docs/importers.md, "AI Energy Score".
 */
export function energyStars(board: readonly number[], own: number): Stars | null {
  if (board.length < 5) return null
  const lower = board.filter((energy) => energy < own).length
  // Placed among them, the board has one more.
  return Math.max(1, 5 - Math.floor((5 * lower) / (board.length + 1))) as Stars
}
