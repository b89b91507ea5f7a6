import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import type { Study, StudyItem } from '../../analysis/schema/study.ts'
import { ConfigError } from '../../analysis/schema/study.ts'
import { loadStudy } from '../config-file.ts'
import { lockDevices } from '../device-lock.ts'
import { connectServer, type ServerConnection } from '../embedded-server.ts'
import { engineOf } from '../engines/list.ts'
import { onInterrupt } from '../interrupt.ts'
import { createReporter, type Reporter } from '../progress.ts'
import { createRecorder } from '../recorder.ts'
import { runExperiment } from '../runner.ts'
import { detectSensors } from '../sensors/detect.ts'
import { hostOptions } from '../sensors/host-options.ts'
import { createShipper, type Shipper } from '../shipper.ts'
import { createSpool, type Spool } from '../spool.ts'
import { spoolDir, stateDir } from '../state-dir.ts'
import type { ExitCode, FinishedRun, RunOptions } from './run-options.ts'
import { printBundles, printRunResults } from './run-output.ts'
import { comparisonOf, exitCode, prepareOut, summariesOf, writeResults } from './run-results.ts'

/** `llem-agent run`: the study, run by run, each recorded, shipped, summarised and shown. */
export async function runCommand(source: string, options: RunOptions): Promise<ExitCode> {
  const { study, from } = loadStudy(source, options.set)
  const items = shareOf(study.items, options.item)
  if (options.dryRun) {
    printDryRun(study, items, options.json)
    return 0
  }
  await prepareOut(options, items.length)
  const reporter = createReporter(process.stderr, false)
  const interrupt = onInterrupt(reporter.say)
  const study_id = uuidv7()
  reporter.say(
    `${from}: ${items.length} run${items.length === 1 ? '' : 's'} of ${study.experiments.length} experiment${study.experiments.length === 1 ? '' : 's'}.`,
  )
  await prepareEngines(study, reporter, interrupt.signal)
  const server = await openServer(options, reporter)
  try {
    const finished = await runItems({
      study,
      items,
      study_id,
      options,
      reporter,
      server,
      signal: interrupt.signal,
    })
    if (server === null) return printBundles(study_id, finished, options)
    const summaries = await summariesOf(server, finished)
    const comparison = await comparisonOf(server, summaries)
    const reports = await writeResults(server, finished, summaries, options)
    printRunResults({ study_id, finished, summaries, comparison, reports, options, server })
    return exitCode(finished, summaries, interrupt.signal.aborted)
  } finally {
    interrupt.dispose()
    await server?.stop()
  }
}

/** `--item K/N`: every N-th run of the study's seeded order, beginning at the K-th (from 1). */
export function shareOf(items: readonly StudyItem[], item: string | null): readonly StudyItem[] {
  if (item === null) return items
  const match = /^(\d+)\/(\d+)$/.exec(item)
  const [k, n] = [Number(match?.[1]), Number(match?.[2])]
  if (!match || k < 1 || n < 1 || k > n)
    throw new ConfigError([
      {
        path: '--item',
        message: `is ${JSON.stringify(item)}; it must be K/N with K from 1 to N, such as 2/8`,
      },
    ])
  return items.filter((_, i) => i % n === k - 1)
}

function printDryRun(study: Study, items: readonly StudyItem[], json: boolean): void {
  const runs = items.map(({ experiment_key, cycle }) => ({ experiment_key, cycle }))
  if (json)
    process.stdout.write(`${JSON.stringify({ runs, experiments: study.experiments }, null, 2)}\n`)
  else
    for (const { experiment, experiment_key, cycle } of items)
      process.stdout.write(
        `${experiment_key}  cycle ${cycle + 1}  ${experiment.model.id} on ${experiment.engine.name}, ` +
          `${experiment.load.shape} load, concurrency ${experiment.load.concurrency ?? '-'}\n`,
      )
}

/** Weights are fetched before anything is measured, once for all runs of the study. */
async function prepareEngines(
  study: Study,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  for (const { experiment } of study.experiments) {
    const kind = engineOf(experiment.engine.name)
    await kind.prepare({
      experiment,
      signal,
      say: reporter.say,
      progress: reporter.step,
      stateDir: stateDir(),
    })
  }
}

async function openServer(
  options: RunOptions,
  reporter: Reporter,
): Promise<ServerConnection | null> {
  if (options.server === false) return null
  const server = await connectServer({
    server: options.server,
    db: resolve(options.db),
    token: process.env['LLEM_TOKEN'] ?? null,
    say: reporter.say,
  })
  reporter.say(options.server ? `Sending to ${options.server}` : `Database: ${resolve(options.db)}`)
  return server
}

interface Session {
  readonly study: Study
  readonly items: readonly StudyItem[]
  readonly study_id: string
  readonly options: RunOptions
  readonly reporter: Reporter
  readonly server: ServerConnection | null
  readonly signal: AbortSignal
}

async function runItems(session: Session): Promise<FinishedRun[]> {
  const { items, study, reporter, signal } = session
  const finished: FinishedRun[] = []
  for (const [i, item] of items.entries()) {
    if (signal.aborted) break
    if (i > 0 && study.pause_s > 0)
      await sleep(study.pause_s * 1000, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    reporter.runStarts(i, items.length, item.experiment)
    finished.push(await runOne(session, item))
    if (finished.at(-1)?.result.outcome === 'failed') break
  }
  return finished
}

async function runOne(session: Session, item: StudyItem): Promise<FinishedRun> {
  const { server, reporter, options, items } = session
  let shipper: Shipper | null = null
  const result = await runExperiment({
    item,
    study_id: session.study_id,
    kind: engineOf(item.experiment.engine.name),
    detect: (clock) => detectSensors(hostOptions(clock, process.env), item.experiment.sensors.only),
    lockDevices: (ids) =>
      lockDevices(ids, { stateDir: stateDir(), say: reporter.say, signal: session.signal }),
    openSpool: (run_id) => createSpool(spoolDir(), run_id, server?.target),
    openRecorder: (spool, clock) => {
      if (server) shipper = createShipper({ spool, server, say: reporter.say })
      return createRecorder({ spool, clock, onChunk: (chunk) => shipper?.chunk(chunk) })
    },
    onRunChanged: () => shipper?.update(),
    reporter,
    signal: session.signal,
    stateDir: stateDir(),
  })
  const seal = {
    outcome: result.outcome,
    reason: result.reason,
    chunks: result.recorder.counts(),
  }
  await result.spool.end(seal)
  const { spool } = result
  const bundle = options.out === null ? null : await writeBundle(spool, options.out, items.length)
  if (shipper === null) {
    // Recorded only: with --out the copy is the run, else the spool is.
    if (bundle !== null) await spool.remove()
    return { result, shipped: false, bundle }
  }
  const ended = await (shipper as Shipper).finish(seal)
  return { result, shipped: ended === 'sealed', bundle }
}

/** One run: the folder itself is its bundle; several: a folder each, named by run id. */
async function writeBundle(spool: Spool, out: string, runs: number): Promise<string> {
  const to = runs === 1 ? resolve(out) : resolve(out, spool.run_id)
  await spool.copyBundle(to)
  return to
}
