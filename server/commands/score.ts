import { toJson } from '../../analysis/schema/json.ts'
import { datasetSchema, type RunScore, scoreBodySchema } from '../../analysis/schema/quality.ts'
import { readDecimal } from '../../analysis/schema/query-number.ts'
import { badFields } from '../bad-field.ts'
import { CommandError } from '../command-error.ts'
import { validityOf } from '../run-validity.ts'
import { attachScore, removeScore, scoresOf } from '../store/scores.ts'
import { namedRun, printDoubtful } from './named-run.ts'
import { numberText } from './number-text.ts'
import { columns } from './runs.ts'
import { isoNow, printLine, summariesFor, withStore } from './with-store.ts'

export interface ScoreCommand {
  readonly db: string
  readonly json: boolean
  readonly dataset: string | undefined
  readonly low: string | undefined
  readonly high: string | undefined
  readonly source: string | undefined
  readonly replace: boolean
  readonly remove: boolean
}

/** Attaches a score to a run, takes one away, or without `value` shows those that there are. */
export async function score(
  ref: string,
  value: string | undefined,
  options: ScoreCommand,
): Promise<void> {
  if (options.remove) return removed(ref, value, options)
  if (value === undefined) {
    refuseUnused(options, ['dataset', 'low', 'high', 'source', 'replace'], 'Give VALUE too')
    return shown(ref, options)
  }
  const dataset = datasetOf(options)
  const body = scoreBodySchema.safeParse(
    {
      value: numberOf(value),
      low: options.low === undefined ? null : numberOf(options.low),
      high: options.high === undefined ? null : numberOf(options.high),
      source: options.source ?? null,
      replace: options.replace,
    },
    { reportInput: true },
  )
  if (!body.success) throw refused(body.error.issues, 'VALUE')
  await withStore(options.db, { create: false }, async (store) => {
    const row = await namedRun(store, ref)
    const { run_id } = row
    const { done, score } = await store.db
      .transaction()
      .execute((tx) => attachScore(tx, run_id, dataset, body.data, by()))
    if (done === 'there')
      throw new CommandError(
        1,
        `Run ${run_id} has a score of ${score.value} on ${dataset} already. Give --replace to put ${value} in its place.`,
      )
    const validity = validityOf(row, await summariesFor(store).of(row))
    if (options.json) return printLine(toJson({ run_id, done, score, validity }, 2))
    const words = { added: 'Attached', replaced: 'Replaced', same: 'Already attached' }[done]
    printLine(`${words}: ${scoreText(score)} to run ${run_id}.`)
    printDoubtful([validity])
  })
}

async function removed(ref: string, value: string | undefined, options: ScoreCommand) {
  if (value !== undefined)
    throw new CommandError(2, `--remove takes no value; take out ${value}, or --remove.`)
  refuseUnused(options, ['low', 'high', 'source', 'replace'], 'Take it out, or --remove')
  const dataset = datasetOf(options)
  await withStore(options.db, { create: false }, async (store) => {
    const { run_id } = await namedRun(store, ref)
    const gone = await store.db
      .transaction()
      .execute((tx) => removeScore(tx, run_id, dataset, by()))
    if (gone === null) throw new CommandError(1, `Run ${run_id} has no score on ${dataset}.`)
    if (options.json) return printLine(toJson({ run_id, removed: gone }, 2))
    printLine(`Taken away: ${scoreText(gone)} from run ${run_id}.`)
  })
}

async function shown(ref: string, options: ScoreCommand): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const { run_id } = await namedRun(store, ref)
    const scores = await scoresOf(store.db, run_id)
    if (options.json) return printLine(toJson({ run_id, scores }, 2))
    if (scores.length === 0) return printLine(`Run ${run_id} has no score.`)
    const rows = scores.map((s) => [
      s.dataset,
      numberText(s.value),
      rangeText(s),
      s.source ?? '',
      s.at,
      s.actor,
    ])
    const head = ['DATASET', 'SCORE', '95 % RANGE', 'SOURCE', 'ATTACHED', 'BY']
    for (const line of columns([head, ...rows])) printLine(line)
  })
}

const by = () => ({ actor: 'local', now: isoNow() })

/** Options that say something of a score are nothing to a command that gives none. */
function refuseUnused(
  options: ScoreCommand,
  names: readonly ('dataset' | 'low' | 'high' | 'source' | 'replace')[],
  remedy: string,
): void {
  const given = names.find((name) => options[name] !== undefined && options[name] !== false)
  if (given !== undefined)
    throw new CommandError(2, `--${given} says something of a score, and none is given. ${remedy}.`)
}

/** Text to a number; what is none stays as it is, to be refused with it. */
const numberOf = (text: string): number | string => readDecimal(text) ?? text

const rangeText = ({ low, high }: RunScore): string =>
  low === null || high === null ? '' : `${numberText(low)} to ${numberText(high)}`

/** `0.712 (0.705 to 0.719) on mmlu` */
export function scoreText(score: RunScore): string {
  const range = rangeText(score)
  return `${numberText(score.value)}${range === '' ? '' : ` (${range})`} on ${score.dataset}`
}

function datasetOf({ dataset }: ScoreCommand): string {
  if (dataset === undefined)
    throw new CommandError(
      2,
      'Name what was scored: --dataset mmlu. Only scores on one dataset are compared.',
    )
  const found = datasetSchema.safeParse(dataset, { reportInput: true })
  if (!found.success) throw refused(found.error.issues, '--dataset')
  return found.data
}

function refused(issues: Parameters<typeof badFields>[0], whole: string): CommandError {
  const faults = badFields(issues).map(
    ({ path, message }) => `${path === '' || path === 'value' ? whole : `--${path}`} ${message}`,
  )
  return new CommandError(2, `${faults.join('; ')}. llem-server score --help shows an example.`)
}
