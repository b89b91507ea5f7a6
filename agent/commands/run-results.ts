import { constants, existsSync } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Comparison } from '../../analysis/schema/comparison.ts'
import { ConfigError } from '../../analysis/schema/study.ts'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import type { ServerConnection } from '../embedded-server.ts'
import { writePrivate } from '../private-file.ts'
import type { ExitCode, FinishedRun, RecordOptions } from './run-options.ts'

/** Where reports go without --out. */
const REPORTS = 'llem-out'

/**
 * Makes the folders of the results before anything is measured: what can't be written is said while nothing is lost.
 * @throws ConfigError naming the folder and the remedy
 */
export async function prepareOut(options: RecordOptions, runs: number): Promise<void> {
  const dir = options.out ?? (options.json || options.server === false ? null : REPORTS)
  if (dir === null) return
  try {
    await mkdir(resolve(dir), { recursive: true, mode: 0o700 })
    await access(resolve(dir), constants.W_OK)
  } catch (error) {
    throw new ConfigError([
      {
        path: options.out === null ? REPORTS : '--out',
        message: `${resolve(dir)} can't be written (${(error as NodeJS.ErrnoException).code}); give --out a folder that can`,
      },
    ])
  }
  if (options.out !== null && runs === 1 && existsSync(resolve(dir, 'run.json')))
    throw new ConfigError([
      { path: '--out', message: `${resolve(dir)} holds a run already; give another folder` },
    ])
}

/** What the server concludes of the runs that it has whole. */
export async function summariesOf(
  server: ServerConnection,
  finished: readonly FinishedRun[],
): Promise<Summary[]> {
  const summaries: Summary[] = []
  for (const { result, shipped } of finished)
    if (shipped)
      summaries.push(summarySchema.parse(await server.client.get(`/runs/${result.run_id}/summary`)))
  return summaries
}

export async function comparisonOf(
  server: ServerConnection,
  summaries: readonly Summary[],
): Promise<Comparison | null> {
  if (summaries.length < 2) return null
  const query = summaries.map((s) => `run=${s.run_id}`).join('&')
  return (await server.client.get(`/compare?${query}`)) as Comparison
}

/** report.html of each run, and with --out its summary beside its bundle. Returns the reports' paths. */
export async function writeResults(
  server: ServerConnection,
  finished: readonly FinishedRun[],
  summaries: readonly Summary[],
  options: RecordOptions,
): Promise<string[]> {
  if (options.out === null && options.json) return []
  const paths: string[] = []
  for (const summary of summaries) {
    const bundle = finished.find((f) => f.result.run_id === summary.run_id)?.bundle
    const dir = bundle ?? resolve(REPORTS, summary.run_id)
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const report = join(dir, 'report.html')
    await writePrivate(report, await server.client.text(`/reports/${summary.run_id}`))
    if (bundle)
      await writePrivate(join(dir, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`)
    paths.push(report)
  }
  return paths
}

export function exitCode(
  finished: readonly FinishedRun[],
  summaries: readonly Summary[],
  interrupted: boolean,
): ExitCode {
  if (interrupted) return 130
  if (finished.some((f) => f.result.outcome === 'failed' || !f.shipped)) return 1
  return summaries.some((s) => !s.valid) ? 3 : 0
}
