import { energyStars, type Stars, whPer1000Queries } from '../../analysis/comparing/energy-stars.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { REASONS, type Reason } from '../../analysis/schema/reason.ts'
import type { RunValidity } from '../../analysis/schema/run-validity.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { CommandError } from '../command-error.ts'
import { validityOf } from '../run-validity.ts'
import { type BoardEnergy, boardEnergies } from '../store/board-energies.ts'
import { namedRun } from './named-run.ts'
import { numberText } from './number-text.ts'
import { validityLines } from './validity-lines.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

export interface EnergyScoreCommand {
  readonly db: string
  readonly json: boolean
  readonly task: string
  readonly class: string | undefined
}

interface Score {
  readonly run_id: string
  readonly task: string
  readonly class: string | null
  readonly wh_per_1000_queries: number | null
  readonly low: number | null
  readonly high: number | null
  readonly reason: Reason | null
  /** null: no energy, or under five models on the board. */
  readonly stars: Stars | null
  /** At the upper and the lower end of the range. */
  readonly stars_low: Stars | null
  readonly stars_high: Stars | null
  readonly models: number
  readonly notes: readonly string[]
  readonly validity: RunValidity
}

/** Where a run would stand on the imported board of AI Energy Score: Wh per 1,000 queries, one to five stars. */
export async function energyScore(ref: string, options: EnergyScoreCommand): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const row = await namedRun(store, ref)
    const { of } = summariesFor(store)
    const summary = await of(row)
    const all = await boardEnergies(store.db, options.task)
    const board = all.filter((b) => options.class === undefined || b.class === options.class)
    if (board.length === 0)
      throw new CommandError(
        1,
        `No board of ${options.task}${options.class === undefined ? '' : `, class ${options.class},`} was imported. llem-server import takes its CSV, named after the task (${options.task}.csv).`,
      )
    const validity = validityOf(row, summary)
    const score = { ...scoreOf(summary, board, options, row.gpu_model), validity }
    if (options.json) return printLine(toJson(score, 2))
    printLine(scoreText(score))
    for (const note of [...validityLines(validity), ...score.notes])
      process.stderr.write(`${note}\n`)
  })
}

function scoreOf(
  summary: Summary,
  board: readonly BoardEnergy[],
  { task, class: kind }: EnergyScoreCommand,
  gpu_model: string | null,
): Omit<Score, 'validity'> {
  const gpu = summary.metrics['energy_gpu_j']
  const told = summary.metrics['energy_per_request_j']
  // The board counts GPUs alone: a run on a processor has no place there.
  const onGpu = gpu?.value != null
  const reason = onGpu ? (told?.reason ?? null) : (gpu?.reason ?? 'not_recorded')
  const wh = (j: number | null | undefined) => (onGpu && j != null ? whPer1000Queries(j) : null)
  const energies = board.map((b) => whPer1000Queries(b.energy_per_request_j))
  const stars = (w: number | null) => (w === null ? null : energyStars(energies, w))
  const [value, low, high] = [wh(told?.value), wh(told?.low), wh(told?.high)]
  const classes = new Set(board.map((b) => b.class))
  return {
    run_id: summary.run_id,
    task,
    class: kind ?? null,
    wh_per_1000_queries: value,
    low,
    high,
    reason,
    stars: stars(value),
    stars_low: stars(high),
    stars_high: stars(low),
    models: board.length,
    notes: [
      'The board sends the samples of its own data set one batch after the other; this run sent its own requests. Compare only where both are alike.',
      ...(gpu_model?.includes('H100') ? [] : ['The board was measured on H100.']),
      ...(board.length < 5 ? ['Fewer than five models are no scale for five stars.'] : []),
      ...(kind === undefined && classes.size > 1
        ? [`The board rates within its classes (${[...classes].sort().join(', ')}): say --class.`]
        : []),
    ],
  }
}

function scoreText(score: Omit<Score, 'validity'>): string {
  const { wh_per_1000_queries: wh, low, high, stars } = score
  if (wh === null) return `No Wh per 1,000 queries: ${REASONS[score.reason ?? 'not_recorded']}.`
  const range = low === null || high === null ? '' : ` (${numberText(low)} to ${numberText(high)})`
  const either =
    score.stars_low !== null && score.stars_low !== score.stars_high
      ? ` (${score.stars_low} to ${score.stars_high})`
      : ''
  return `${numberText(wh)} Wh per 1,000 queries${range}; ${stars === null ? 'no stars' : `${stars} of 5 stars${either}`} among ${score.models} models of ${score.task}.`
}
