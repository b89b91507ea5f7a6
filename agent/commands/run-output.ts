import pc from 'picocolors'
import type { Comparison } from '../../analysis/schema/comparison.ts'
import type { Engine, Load } from '../../analysis/schema/experiment.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { useColour } from '../colour.ts'
import type { ServerConnection } from '../embedded-server.ts'
import { summaryTable } from '../summary-table.ts'
import type { Session } from './record-run.ts'
import type { ExitCode, FinishedRun, RecordOptions } from './run-options.ts'
import { comparisonOf, exitCode, type Lost, summariesOf, writeResults } from './run-results.ts'

interface RunResults {
  readonly study_id: string
  readonly finished: readonly FinishedRun[]
  readonly summaries: readonly Summary[]
  readonly comparison: Comparison | null
  readonly reports: readonly string[]
  readonly lost: readonly Lost[]
  readonly options: RecordOptions
  readonly server: ServerConnection
  readonly source: string | undefined
}

/** What follows the last run of a session: its results where a server concludes them, else where its bundles lie. */
export async function concludeRuns(
  { study_id, server, options, signal, source }: Session,
  finished: readonly FinishedRun[],
): Promise<ExitCode> {
  if (server === null) return printBundles(study_id, finished, options)
  const { summaries, lost: unread } = await summariesOf(server, finished)
  const { comparison, lost: uncompared } = await comparisonOf(server, summaries)
  const { reports, lost: unwritten } = await writeResults(server, finished, summaries, options)
  const lost = [...unread, ...uncompared, ...unwritten]
  const results = {
    study_id,
    finished,
    summaries,
    comparison,
    reports,
    lost,
    options,
    server,
    source,
  }
  printRunResults(results)
  return exitCode(finished, summaries, lost, signal.aborted)
}

/** One JSON document, or the table, the reports and what to do next. */
function printRunResults(results: RunResults): void {
  const { study_id, summaries, comparison, options } = results
  for (const text of toldAtTheEnd(results.finished)) process.stderr.write(`${text}\n`)
  for (const { problem } of results.lost) process.stderr.write(`${problem}\n`)
  if (options.json) {
    const lost = results.lost.length > 0 ? { lost: results.lost } : {}
    const document = { study_id, runs: summaries, comparison, ...lost }
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
    return
  }
  // A run that failed before anything was counted has no numbers to show; why was said.
  const counted = summaries.filter((s) => s.window !== null)
  if (counted.length === 0) return
  const configurations = new Map(results.finished.map((f) => [f.result.run_id, f.configuration]))
  const out = process.stdout
  const c = pc.createColors(useColour(out))
  out.write(`\n${summaryTable(counted, configurations, useColour(out), out.columns ?? 100)}\n`)
  if (comparison) out.write(`\n${c.bold(comparison.sentence)}\n`)
  out.write('\n')
  for (const report of results.reports) out.write(`Report   ${report}\n`)
  out.write(`Browse   ${serveCommand(options)}\n`)
  out.write(
    `\nNext:\n${nextCommands(results, counted)
      .map((line) => `  ${line}\n`)
      .join('')}`,
  )
}

/** As the user started this program, so that what is suggested can be typed as it stands. */
const npx = () => (process.env['npm_lifecycle_event'] === 'npx' ? 'npx ' : '')

function serveCommand(options: RecordOptions): string {
  return options.server
    ? options.server
    : `${npx()}llem-server serve --db ${options.db}   then http://127.0.0.1:8642`
}

const OWN_SERVER: [string, string] = [
  'llem-agent run examples/openai.yaml',
  'your own server instead of the embedded engine',
]
const AFTER_PROGRAM: [string, string][] = [
  ['llem-agent measure --windows PATH -- COMMAND', 'joules of parts that the program marks'],
]

/** Another point of the same curve, twice as far out as the last; of the embedded engine the way to one's own server. */
function afterRun({ finished, source }: RunResults): [string, string][] {
  const loads = finished.map(({ configuration }) => configuration['load'] as Load)
  const reached = Math.max(0, ...loads.map((l) => l.concurrency ?? 0))
  const embedded = finished.some(
    ({ configuration }) => (configuration['engine'] as Engine).name === 'embedded',
  )
  return [
    ...(source !== undefined && reached > 0
      ? [
          [
            `llem-agent run ${source} --set load.concurrency=${2 * reached}`,
            'another point of the same curve',
          ] as [string, string],
        ]
      : []),
    ...(embedded ? [OWN_SERVER] : []),
  ]
}

function nextCommands(results: RunResults, summaries: readonly Summary[]): string[] {
  const { options } = results
  const db = options.server ? '' : ` --db ${options.db}`
  const commands: [string, string][] = [
    ...(summaries.every((s) => s.kind === 'measure') ? AFTER_PROGRAM : afterRun(results)),
    [`llem-server show ${lastRef(summaries)}${db}`, 'every number of the last run, with its range'],
  ]
  const width = Math.max(...commands.map(([command]) => command.length))
  return commands.map(([command, about]) => `${npx()}${command.padEnd(width)}   ${about}`)
}

/** `last` skips failed runs, so one of these is named by its id. */
export function lastRef(summaries: readonly Summary[]): string {
  const last = summaries.at(-1)
  return last?.findings.some((f) => f.code === 'run_failed') ? last.run_id : 'last'
}

/** What a person must know of runs that did not end well: why, and where the readings are. */
function toldAtTheEnd(finished: readonly FinishedRun[]): string[] {
  return finished.flatMap(({ result }) =>
    result.outcome === 'completed'
      ? []
      : [
          `Run ${result.run_id} ${result.outcome === 'failed' ? 'failed' : 'was interrupted'}: ${result.reason ?? 'no reason was given'}`,
        ],
  )
}

/** The end of `--no-server`: where each bundle lies. */
function printBundles(
  study_id: string,
  finished: readonly FinishedRun[],
  options: RecordOptions,
): ExitCode {
  const bundles = finished.map(({ result, bundle }) => ({
    run_id: result.run_id,
    path: bundle ?? result.spool.dir,
  }))
  if (options.json) process.stdout.write(`${JSON.stringify({ study_id, bundles }, null, 2)}\n`)
  else
    for (const { path } of bundles)
      process.stdout.write(`${path}\n  to count it: llem-server import ${path}\n`)
  for (const text of toldAtTheEnd(finished)) process.stderr.write(`${text}\n`)
  if (finished.some((f) => f.result.outcome === 'interrupted')) return 130
  return finished.some((f) => f.result.outcome === 'failed') ? 1 : 0
}
