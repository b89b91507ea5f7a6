import { bestHours } from '../../analysis/cost/cost-hours.ts'
import { costSteps } from '../../analysis/cost/cost-steps.ts'
import {
  type CostLedger,
  LINES,
  type Line,
  type LineId,
  type RunLedger,
  reasonWords,
} from '../../analysis/schema/cost.ts'
import type { BestHours, HourOf } from '../../analysis/schema/cost-hours.ts'
import type { CostStep } from '../../analysis/schema/cost-steps.ts'
import { toJson } from '../../analysis/schema/json.ts'
import type { Scenario } from '../../analysis/schema/scenario.ts'
import { CommandError } from '../command-error.ts'
import { type ScenarioQuery, saysScenario, scenarioQuerySchema } from '../cost-query.ts'
import { costedRun, ledgerUnder, timelineFor } from '../cost-view.ts'
import { intensityTables } from '../intensity-tables.ts'
import { type ScenarioAsked, scenarioAsked } from '../scenario-asked.ts'
import type { ScenarioBase } from '../scenarios.ts'
import type { Store } from '../store/open.ts'
import { storedLines } from '../stored-words.ts'
import { namedRun } from './named-run.ts'
import { inCommand, namedScenario } from './named-scenario.ts'
import { numberText } from './number-text.ts'
import { parseQuery } from './parse-query.ts'
import { columns } from './runs.ts'
import { validityLines } from './validity-lines.ts'
import { isoNow, printLine, summariesFor, withStore } from './with-store.ts'

export interface CostCommand {
  readonly db: string
  readonly json: boolean
  readonly scenario: readonly string[]
  readonly bestHours: boolean
}

/** Carbon, water and money of a run under one scenario or several, or the best hours of a series for it. */
export async function cost(
  ref: string,
  options: CostCommand,
  said: Readonly<Record<string, string>>,
): Promise<void> {
  const query = parseQuery(scenarioQuerySchema, said, 'cost')
  requireScenario(options, query)
  await withStore(options.db, { create: false }, async (store) => {
    const asked = await readScenarios(store, options.scenario, query)
    const costed = await costedRun(summariesFor(store), await namedRun(store, ref))
    const { run, validity } = costed
    const timelineOf = (scenario: Scenario) => timelineFor(run, scenario, query)
    const tables = await intensityTables()
    const [first] = asked
    if (first === undefined) return
    if (options.bestHours) {
      if (asked.length > 1)
        throw new CommandError(2, 'Best hours are those of one scenario: give --scenario once.')
      const { scenario, ...used } = first
      const hours = bestHours(timelineOf(scenario), scenario, tables)
      if ('why' in hours)
        throw new CommandError(
          1,
          hours.missing === 'series'
            ? `There are no best hours: ${hours.why}. ${HOURS_NEED}`
            : `There are no best hours: ${hours.why}.`,
        )
      const shown = { ...hours, ...used, validity }
      if (options.json) return printLine(toJson(shown, 2))
      for (const line of [...hoursText(shown), ...validityLines(validity)]) printLine(line)
      return
    }
    const ledgers: RunLedger[] = []
    for (const under of asked) ledgers.push(await ledgerUnder(costed, under, query))
    const [only] = ledgers
    if (ledgers.length === 1 && only !== undefined) {
      if (options.json) return printLine(toJson(only, 2))
      for (const line of ledgerText(only)) printLine(line)
      return
    }
    const steps = asked.slice(1).map((to) => ({
      from: labelOf(first.scenario.id, first),
      to: labelOf(to.scenario.id, to),
      steps: costSteps(timelineOf(first.scenario), first.scenario, to.scenario, tables),
    }))
    if (options.json) return printLine(toJson({ run_id: run.run_id, validity, ledgers, steps }, 2))
    for (const line of [...comparisonText(ledgers, steps), ...validityLines(validity)])
      printLine(line)
  })
}

/** What tells hours apart, and how to come by it. */
const HOURS_NEED =
  'They need factors or prices by the hour: fetched ones (llem-server factors fetch --provider gb --from 2026-07-01 --to 2026-08-01, then --series gb:GB), or a file that holds them (--scenario examples/scenarios/hourly.yaml).'

function requireScenario({ scenario, bestHours }: CostCommand, query: ScenarioQuery): void {
  if (scenario.length > 0 || saysScenario(query)) return
  throw new CommandError(
    2,
    bestHours
      ? `No scenario is given, so no hour is better than another. ${HOURS_NEED}`
      : 'No scenario is given. Name a place (--zone DE), or give a file (--scenario examples/scenarios/berlin.yaml) or a stored one (llem-server scenario list).',
  )
}

const readScenarios = (
  store: Store,
  named: readonly string[],
  query: ScenarioQuery,
): Promise<ScenarioAsked[]> =>
  inCommand(async () => {
    const bases: (ScenarioBase | null)[] = []
    for (const text of named) bases.push(await namedScenario(store, text))
    const asked: ScenarioAsked[] = []
    for (const base of bases.length === 0 ? [null] : bases)
      asked.push(await scenarioAsked(store, query, base, isoNow().slice(0, 10)))
    return asked
  })

/** A scenario's name beside others: two versions of a stored one have the same id. */
const labelOf = (id: string, { scenario_stored }: Pick<CostLedger, 'scenario_stored'>): string =>
  scenario_stored === undefined ? id : `${scenario_stored.name}@${scenario_stored.version}`

const amountText = ({ amount }: Pick<Line, 'amount'>): string =>
  amount === null ? '-' : numberText(amount.value)
const rangeText = ({ amount }: Pick<Line, 'amount'>): string =>
  amount === null || amount.low === amount.high
    ? ''
    : `${numberText(amount.low)} to ${numberText(amount.high)}`

function ledgerText(ledger: RunLedger): string[] {
  const asked = ledger.lines.filter((l) => l.amount !== null || !SILENT.has(l.reason ?? ''))
  const per = Object.entries(ledger.per_unit).filter(
    ([id, p]) => p.amount !== null && /_per_(mtok_out|request)$/.test(id),
  )
  return [
    `Run ${ledger.run_id} under ${ledger.scenario_id}: boundary ${ledger.boundary}, ${numberText(ledger.seconds)} s${ledger.from === null ? '' : ` from ${ledger.from}`}`,
    ...validityLines(ledger.validity),
    ...storedLines(ledger),
    ...ledger.notes,
    '',
    ...columns([
      ['LINE', 'AMOUNT', 'UNIT', '95 % RANGE', 'FACTOR', 'FROM'],
      ...asked.map((l) => [
        LINES[l.id as LineId].title,
        amountText(l),
        l.unit,
        rangeText(l),
        l.factor === null ? '' : `${numberText(l.factor.value)} ${l.factor.unit}`,
        l.amount === null ? reasonWords(l.reason ?? 'no_data') : sourceText(l),
      ]),
    ]),
    '',
    ...columns([
      ['TOTAL', 'AMOUNT', 'UNIT', '95 % RANGE', ''],
      ...Object.values(ledger.totals)
        .filter((t) => t.amount !== null || !SILENT.has(t.reason ?? ''))
        .map((t) => [
          t.id,
          amountText(t),
          t.unit,
          rangeText(t),
          t.amount === null ? reasonWords(t.reason ?? 'no_data') : '',
        ]),
      ...per.map(([id, p]) => [id, amountText(p), p.unit, rangeText(p), '']),
    ]),
    '',
    ledger.sci.amount === null
      ? `No SCI: ${reasonWords(ledger.sci.reason ?? 'no_data')}.`
      : `SCI ${numberText(ledger.sci.amount.value)} ${ledger.sci.unit}. ${ledger.sci.statement}`,
    ...asked
      .filter((l) => l.assumptions.length > 0)
      .map((l) => `${LINES[l.id as LineId].title}: ${l.assumptions.join(' ')}`),
    ...ledger.warnings.map((w) => `${w}: ${reasonWords(w)}.`),
    ...(ledger.attribution.length === 0 ? [] : [`Data: ${ledger.attribution.join('; ')}.`]),
  ]
}

const SILENT: ReadonlySet<string> = new Set(['not_asked', 'not_applicable'])

const sourceText = (line: Line): string =>
  [line.provenance, line.source, line.year === null ? null : String(line.year)]
    .filter((w) => w !== null)
    .join(', ')

function comparisonText(
  ledgers: readonly CostLedger[],
  steps: readonly { from: string; to: string; steps: readonly CostStep[] }[],
): string[] {
  const ids = Object.keys(ledgers[0]?.totals ?? {})
  const cell = (l: CostLedger, id: string) => {
    const total = l.totals[id]
    if (total === undefined || total.amount === null)
      return (total?.reason ?? '-').replaceAll('_', ' ')
    return `${numberText(total.amount.value)} ${total.unit}`
  }
  const change = (n: number | null) => (n === null ? '-' : `${n > 0 ? '+' : ''}${numberText(n)}`)
  return [
    ...columns([
      ['SCENARIO', ...ids],
      ...ledgers.map((l) => [labelOf(l.scenario_id, l), ...ids.map((id) => cell(l, id))]),
    ]),
    ...steps.flatMap((s) => [
      '',
      `From ${s.from} to ${s.to}, one thing after the other:`,
      ...columns([
        ['STEP', 'gCO2e', 'MONEY'],
        ...s.steps.map((c) => [c.step, change(c.carbon_location_g), change(c.money)]),
      ]),
    ]),
    ...new Set(ledgers.flatMap(storedLines)),
    ...new Set(ledgers.flatMap((l) => l.attribution).map((a) => `Data: ${a}.`)),
  ]
}

function hoursText(hours: BestHours): string[] {
  const text = (n: number | null) => (n === null ? '-' : numberText(n))
  const row = (name: string, h: HourOf | null) =>
    h === null ? [name, '-', '-', '-'] : [name, h.from, text(h.carbon_g), text(h.money)]
  return [
    `${hours.starts.length} starts of run ${hours.run_id} under ${hours.scenario_id}; electricity alone.`,
    ...storedLines(hours),
    ...columns([
      ['', 'START', 'gCO2e', hours.currency],
      row('as it was', hours.as_run),
      row('cleanest', hours.cleanest),
      row('cheapest', hours.cheapest),
    ]),
  ]
}
