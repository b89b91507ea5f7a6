import { isDoubtful } from '../../analysis/findings/run-validity.ts'
import { toJson } from '../../analysis/schema/json.ts'
import type { StatedRun, Verification } from '../../analysis/schema/statement.ts'
import { CommandError } from '../command-error.ts'
import { createStatement, NothingToState, readStatement, verifyStatement } from '../statements.ts'
import { listStatements, StatementNotFound } from '../store/statements.ts'
import { columns } from './runs.ts'
import { readAsked, type TotalsCommand, totalsText } from './totals.ts'
import { validityLines } from './validity-lines.ts'
import { isoNow, printLine, summariesFor, withStore } from './with-store.ts'

interface Common {
  readonly db: string
  readonly json: boolean
}

/** Freezes totals. `query` has the names of the HTTP parameters. */
export async function statementCreate(
  options: TotalsCommand & { readonly title: string },
  query: Readonly<Record<string, string>>,
): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const asked = await readAsked(store, options, query, 'statement create')
    const summaries = summariesFor(store)
    const made = await found(() =>
      createStatement(store, summaries, asked, query, options.title, isoNow),
    )
    if (options.json) return printLine(toJson(made, 2))
    for (const line of totalsText(made.document.totals)) printLine(line)
    printLine(`\nStatement ${made.statement_id}, of ${made.document.runs.length} runs.`)
    for (const line of doubtfulText(made.document.runs)) printLine(line)
  })
}

export async function statementList(options: Common): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const statements = await listStatements(store.db)
    if (options.json) return printLine(toJson({ statements }, 2))
    if (statements.length === 0) return printLine('No statements.')
    const rows = statements.map((s) => [s.statement_id, s.created_at, s.title])
    for (const line of columns([['STATEMENT', 'MADE', 'TITLE'], ...rows])) printLine(line)
  })
}

/** A statement as it was made. */
export async function statementShow(ref: string, options: Common): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const statement = await found(() => readStatement(store, ref))
    if (options.json) return printLine(toJson(statement, 2))
    const { title, created_at, analysis_version, tables_version, totals } = statement.document
    printLine(`Statement ${statement.statement_id}${title === '' ? '' : `: ${title}`}`)
    printLine(`Made ${created_at}; formulas ${analysis_version}, ${tables_version}.\n`)
    for (const line of totalsText(totals)) printLine(line)
    for (const line of doubtfulText(statement.document.runs)) printLine(line)
  })
}

const SHOWN = 5

/** Runs among those stated that are invalid or did not complete: their energy is in the totals too. */
function doubtfulText(runs: readonly StatedRun[]): string[] {
  const doubtful = runs.flatMap(({ run_id, validity }) =>
    validity === undefined || !isDoubtful({ run_id, ...validity }) ? [] : [{ run_id, ...validity }],
  )
  if (doubtful.length === 0) return []
  return [
    `Of ${runs.length} runs ${doubtful.length} are invalid or did not complete; the rows invalid and failed hold their energy.`,
    ...validityLines(...doubtful.slice(0, SHOWN)),
    ...(doubtful.length > SHOWN ? [`... --json shows all of them.`] : []),
  ]
}

/** Exit 1 where the document or a run no longer has its hash. */
export async function statementVerify(ref: string, options: Common): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const summaries = summariesFor(store)
    const answer = await found(() => verifyStatement(store, summaries, ref, isoNow))
    if (options.json) printLine(toJson(answer, 2))
    else for (const line of verificationText(answer)) printLine(line)
    const { document, runs } = answer
    if (document === 'damaged' || runs.missing.length + runs.changed.length > 0)
      throw new CommandError(
        1,
        `What statement ${answer.statement_id.slice(0, 12)} rests on is no longer there as it was.`,
      )
  })
}

function verificationText(answer: Verification): string[] {
  const { document, runs, analysis_version, tables_version, figures, differences } = answer
  const named = (ids: readonly string[], words: string): string[] =>
    ids.length === 0
      ? []
      : [
          `${ids.length} runs ${words}: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', ...' : ''}.`,
        ]
  return [
    `Document: ${document === 'intact' ? 'as it was made' : 'no longer what its address says'}.`,
    `Runs: ${runs.intact} as they were.`,
    ...named(runs.missing, 'are missing'),
    ...named(runs.changed, 'have changed'),
    ...named(runs.added, 'are new to the same question'),
    ...named(runs.gone, 'no longer answer the same question'),
    analysis_version.stated === analysis_version.now
      ? `Formulas: the same (${analysis_version.now}).`
      : `Formulas: ${analysis_version.stated} then, ${analysis_version.now} now.`,
    tables_version.stated === tables_version.now
      ? `Factors: the same (${tables_version.now}).`
      : `Factors: ${tables_version.stated} then, ${tables_version.now} now.`,
    `Figures: ${figures === 'same' ? 'the same question has the same answer' : 'the same question has another answer now'}.`,
    ...differences.map((d) => `  ${d.total}: ${d.stated ?? '-'} then, ${d.now ?? '-'} now.`),
  ]
}

async function found<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StatementNotFound) throw new CommandError(2, error.message)
    if (error instanceof NothingToState) throw new CommandError(1, error.message)
    throw error
  }
}
