import { canonicalJson } from '../analysis/schema/key.ts'
import type { Scenario } from '../analysis/schema/scenario.ts'
import type { ScenarioRef, ScenarioUsed, StoredScenario } from '../analysis/schema/stored.ts'
import { type CostQuery, type ScenarioQuery, saidOver } from './cost-query.ts'
import { readScenario, ScenarioError } from './scenario-file.ts'
import { findVersion, type Putting, putVersion } from './store/document-versions.ts'
import type { Store } from './store/open.ts'
import type { DocumentVersionRow } from './store/tables.ts'

/** What --scenario takes for a file whether it is there or not: so no stored name may look like one. */
export const looksLikeFile = (text: string): boolean =>
  /[/\\]/.test(text) || /\.(ya?ml|json)$/i.test(text)

/**
 * Stores a scenario under its id: as the next version, or as the newest one where it is the same.
 * @throws ScenarioError where its id could be taken for a file's name
 */
export async function putScenario(
  store: Store,
  scenario: Scenario,
  who: Putting,
): Promise<{ readonly done: 'added' | 'same'; readonly stored: StoredScenario }> {
  const { id } = scenario
  if (looksLikeFile(id))
    throw new ScenarioError('the scenario', [
      {
        path: 'id',
        message: `is ${JSON.stringify(id)}; it must not end in .yaml, .yml or .json, which name a file wherever a scenario is asked for`,
      },
    ])
  const { done, row } = await store.db
    .transaction()
    .execute((tx) => putVersion(tx, 'scenario', id, canonicalJson(scenario), who))
  return { done, stored: storedOf(row) }
}

/** @throws NotStored */
export const storedScenario = async (
  store: Store,
  { name, version }: ScenarioRef,
): Promise<StoredScenario> => storedOf(await findVersion(store.db, 'scenario', name, version))

function storedOf({ kind: _, document, ...row }: DocumentVersionRow): StoredScenario {
  const scenario = readScenario(JSON.parse(document), `the stored scenario ${row.name}`)
  return { ...row, title: scenario.title, scenario }
}

/** A scenario that parameters go over; `stored` null: of a file or a body. */
export interface ScenarioBase {
  readonly scenario: Scenario
  readonly stored: Pick<StoredScenario, 'name' | 'version' | 'sha256'> | null
}

/**
 * What parameters go over: the stored scenario that they name, else what came in a file or a body.
 * @throws NotStored; ScenarioError where both are given
 */
export async function baseAsked(
  store: Store,
  { scenario: named }: CostQuery,
  given: ScenarioBase | null,
): Promise<ScenarioBase | null> {
  if (named === undefined) return given
  if (given !== null)
    throw new ScenarioError('the scenario', [
      {
        path: 'scenario',
        message: `names the stored ${named.name} beside the scenario of the body; give one of both`,
      },
    ])
  return asBase(await storedScenario(store, named))
}

export const asBase = ({ scenario, name, version, sha256 }: StoredScenario): ScenarioBase => ({
  scenario,
  stored: { name, version, sha256 },
})

/** Which stored scenario an answer rests on, for the answer to tell; nothing where it rests on none. */
export const usedScenario = (
  base: ScenarioBase | null,
  said: ScenarioQuery,
): { readonly scenario_stored?: ScenarioUsed } =>
  base === null || base.stored === null
    ? {}
    : { scenario_stored: { ...base.stored, over: saidOver(said) } }
