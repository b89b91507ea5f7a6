import { parseJson } from '../analysis/schema/json.ts'
import { canonicalJson } from '../analysis/schema/key.ts'
import {
  STATEMENT_VERSION,
  type StatedRun,
  type Statement,
  type StatementDocument,
  type Verification,
} from '../analysis/schema/statement.ts'
import { ANALYSIS_VERSION } from '../analysis/schema/summary.ts'
import { SUM_IDS, type Totals } from '../analysis/schema/totals.ts'
import { CO2_TABLES_VERSION } from './intensity-tables.ts'
import { VERSION } from './program.ts'
import type { Store } from './store/open.ts'
import { runValidities } from './store/run-validities.ts'
import { sha256 } from './store/sha256.ts'
import { addStatement, findStatement, runContentHash } from './store/statements.ts'
import type { Summaries } from './summaries.ts'
import { type TotalsAsked, totalsStored } from './totals.ts'
import { totalsQuerySchema } from './totals-query.ts'

/** A statement that would state nothing. */
export class NothingToState extends Error {
  constructor(totals: Totals) {
    const { unmeasured, open, unreadable } = totals.runs
    const out = [
      ...unmeasured.map((u) => `${u.runs} without energy (${u.reason})`),
      ...(open > 0 ? [`${open} not finished`] : []),
      ...(unreadable > 0 ? [`${unreadable} whose rows can't be read`] : []),
    ]
    super(
      out.length === 0
        ? 'No run fits the filters, so there is nothing to state. GET /api/v1/runs and llem-server runs list what is stored; give other filters.'
        : `No run that fits the filters has energy to state: ${out.join(', ')}. Give other filters, or finish the runs first.`,
    )
    this.name = 'NothingToState'
  }
}

/**
 * Freezes totals with all that they came from, under the hash of it all.
 * @param query as it was given, so that it can be given again: stored ones by the version that was used
 * @throws NothingToState
 */
export async function createStatement(
  store: Store,
  summaries: Summaries,
  asked: TotalsAsked,
  query: Readonly<Record<string, string>>,
  title: string,
  now: () => string,
): Promise<Statement> {
  const { totals, run_ids } = await totalsStored(store, summaries, asked, now)
  if (run_ids.size === 0) throw new NothingToState(totals)
  const sorted = [...run_ids].sort()
  const validities = await runValidities(store.db, sorted)
  const runs: StatedRun[] = []
  for (const run_id of sorted) {
    const hash = await runContentHash(store.db, run_id, false)
    if (hash === null) continue
    const { run_id: _, ...validity } = validities.get(run_id) ?? { run_id }
    runs.push({ run_id, sha256: hash, ...('valid' in validity ? { validity } : {}) })
  }
  const document: StatementDocument = {
    statement_version: STATEMENT_VERSION,
    title,
    created_at: now(),
    program_version: VERSION,
    analysis_version: ANALYSIS_VERSION,
    tables_version: CO2_TABLES_VERSION,
    query: { ...query, ...namedBy(asked) },
    scenario: asked.scenario,
    sites: asked.sites,
    totals,
    runs,
  }
  const text = canonicalJson(document)
  const statement_id = sha256(text)
  await addStatement(store.db, {
    statement_id,
    title,
    created_at: document.created_at,
    document: text,
  })
  return { statement_id, document }
}

/** The stored scenario and table of sites that were used, as parameters name them. */
function namedBy({ scenario_stored, sites_stored }: TotalsAsked): Record<string, string> {
  return {
    ...(scenario_stored === undefined
      ? {}
      : { scenario: `${scenario_stored.name}@${scenario_stored.version}` }),
    ...(sites_stored === undefined ? {} : { sites: `stored@${sites_stored.version}` }),
  }
}

/** @throws StatementNotFound */
export async function readStatement(store: Store, ref: string): Promise<Statement> {
  const { statement_id, document } = await findStatement(store.db, ref)
  return { statement_id, document: parseJson(document) as StatementDocument }
}

/**
 * Recomputes every hash of a statement from what is stored now, and its figures by today's formulas; the statement
 * itself stays as it is.
 * @throws StatementNotFound
 */
export async function verifyStatement(
  store: Store,
  summaries: Summaries,
  ref: string,
  now: () => string,
): Promise<Verification> {
  const row = await findStatement(store.db, ref)
  const stated = parseJson(row.document) as StatementDocument
  const missing: string[] = []
  const changed: string[] = []
  for (const { run_id, sha256: was } of stated.runs) {
    const is = await runContentHash(store.db, run_id, true)
    if (is === null) missing.push(run_id)
    else if (is !== was) changed.push(run_id)
  }
  const { by, filters } = totalsQuerySchema.parse(stated.query)
  const { scenario, sites } = stated
  const again = await totalsStored(store, summaries, { by, filters, scenario, sites }, now)
  const before = new Set(stated.runs.map((r) => r.run_id))
  const differences = SUM_IDS.flatMap((id) => {
    const was = stated.totals.total.totals[id]
    const is = again.totals.total.totals[id]
    return String(was?.exact) === String(is?.exact)
      ? []
      : [{ total: id, stated: was?.amount?.value ?? null, now: is?.amount?.value ?? null }]
  })
  const same = canonicalJson(stated.totals.groups) === canonicalJson(again.totals.groups)
  return {
    statement_id: row.statement_id,
    document: sha256(row.document) === row.statement_id ? 'intact' : 'damaged',
    runs: {
      intact: stated.runs.length - missing.length - changed.length,
      missing,
      changed,
      added: [...again.run_ids].filter((id) => !before.has(id)).sort(),
      gone: [...before].filter((id) => !again.run_ids.has(id) && !missing.includes(id)),
    },
    analysis_version: { stated: stated.analysis_version, now: ANALYSIS_VERSION },
    tables_version: { stated: stated.tables_version, now: CO2_TABLES_VERSION },
    figures: same && differences.length === 0 ? 'same' : 'differ',
    differences,
  }
}
