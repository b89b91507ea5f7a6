import { setTimeout as sleep } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import type { Study, StudyItem } from '../../analysis/schema/study.ts'
import { ConfigError } from '../../analysis/schema/study.ts'
import { loadStudy, storedExperiment } from '../config-file.ts'
import { engineOf } from '../engines/list.ts'
import { Interrupted, onInterrupt } from '../interrupt.ts'
import { createReporter, type Reporter } from '../progress.ts'
import { refuseRedacted } from '../redacted-values.ts'
import { runExperiment } from '../runner.ts'
import { stateDir } from '../state-dir.ts'
import { openServer, recordRun, type Session } from './record-run.ts'
import type { ExitCode, FinishedRun, RunOptions } from './run-options.ts'
import { concludeRuns } from './run-output.ts'
import { prepareOut } from './run-results.ts'

/** `llem-agent run`: the study, run by run, each recorded, shipped, summarised and shown. */
export async function runCommand(source: string, options: RunOptions): Promise<ExitCode> {
  const { study, from } = loadStudy(source, options.set)
  const items = shareOf(study.items, options.item)
  if (options.dryRun) {
    printDryRun(study, items, options.json)
    return 0
  }
  for (const { experiment } of study.experiments) refuseRedacted(experiment)
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
    const session: Session = {
      ...{ study_id, options, reporter, server, source },
      signal: interrupt.signal,
      runs: items.length,
    }
    const { finished, error } = await runItems(session, study, items)
    const code = await concludeRuns(session, finished)
    if (error !== null) throw error
    return code
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
    process.stdout.write(
      `${JSON.stringify({ runs, experiments: study.experiments.map(shown) }, null, 2)}\n`,
    )
  else
    for (const { experiment, experiment_key, cycle } of items)
      process.stdout.write(
        `${experiment_key}  cycle ${cycle + 1}  ${experiment.model.id} on ${experiment.engine.name}, ` +
          `${experiment.load.shape} load, concurrency ${experiment.load.concurrency ?? '-'}\n`,
      )
}

const shown = ({ experiment, experiment_key }: Study['experiments'][number]) => ({
  experiment: storedExperiment(experiment),
  experiment_key,
})

/** Weights are fetched before anything is measured, once for all runs of the study. */
async function prepareEngines(
  study: Study,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  for (const { experiment } of study.experiments) {
    const kind = engineOf(experiment.engine.name)
    let doing = `the weights of ${experiment.model.id}`
    const end = reporter.wait(() => doing, null)
    try {
      await kind.prepare({
        experiment,
        signal,
        say: reporter.say,
        progress: (text) => {
          doing = text
        },
        stateDir: stateDir(),
      })
    } finally {
      end()
    }
  }
}

async function runItems(
  session: Session,
  study: Study,
  items: readonly StudyItem[],
): Promise<{ readonly finished: FinishedRun[]; readonly error: unknown }> {
  const { reporter, signal } = session
  const finished: FinishedRun[] = []
  for (const [i, item] of items.entries()) {
    if (signal.aborted) break
    if (i > 0 && study.pause_s > 0)
      await sleep(study.pause_s * 1000, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    reporter.runStarts(i, items.length, item.experiment)
    const run = await recordRun(session, item.experiment, (parts) =>
      runExperiment({
        ...parts,
        item,
        kind: engineOf(item.experiment.engine.name),
        stateDir: stateDir(),
      }),
    ).catch((error: unknown) => {
      // The results of what is finished are given all the same.
      if (finished.length > 0) return { error }
      throw error
    })
    if ('error' in run) {
      if (!(run.error instanceof Interrupted)) return { finished, error: run.error }
      reporter.say(run.error.message)
      break
    }
    finished.push(run)
    if (run.result.outcome === 'failed') break
  }
  return { finished, error: null }
}
