import { constants, existsSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Comparison } from '../../analysis/schema/comparison.ts'
import { ConfigError } from '../../analysis/schema/study.ts'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import type { ServerConnection } from '../embedded-server.ts'
import { makeDirectories } from '../make-directory.ts'
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
    makeDirectories(resolve(dir), 0o700)
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

/** What could not be had of the results, each a sentence; what could is whole. */
export interface Lost {
  readonly run_id: string | null
  readonly problem: string
}

/** The server's summaries of the runs that it has whole; one that can't be had or read costs no other. */
export async function summariesOf(
  server: ServerConnection,
  finished: readonly FinishedRun[],
): Promise<{ readonly summaries: Summary[]; readonly lost: Lost[] }> {
  const summaries: Summary[] = []
  const lost: Lost[] = []
  for (const { result, shipped } of finished) {
    if (!shipped) continue
    const { run_id } = result
    const summary = await attempt(() => server.client.get(`/runs/${run_id}/summary`))
    if (summary instanceof Error) {
      const why = `${withStop(summary.message)} The run itself is stored.`
      lost.push({ run_id, problem: `The summary of run ${run_id} could not be had: ${why}` })
      continue
    }
    const parsed = summarySchema.safeParse(summary, { reportInput: true })
    if (parsed.success) summaries.push(parsed.data)
    else lost.push({ run_id, problem: unreadable(run_id, parsed.error.issues) })
  }
  return { summaries, lost }
}

function unreadable(run_id: string, issues: readonly Issue[]): string {
  const [first] = issues
  const at = first?.path.join('.') || 'the whole'
  const more = issues.length > 1 ? `, and ${issues.length - 1} more` : ''
  return `The summary of run ${run_id} can't be read: ${at} is ${shown(first?.input)} (${first?.message}${more}). The run itself is stored; llem-server show ${run_id} shows it. Install the same version of agent and server.`
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly input?: unknown
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

const withStop = (sentence: string): string => (sentence.endsWith('.') ? sentence : `${sentence}.`)

async function attempt<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** How the runs compare; null for fewer than two. */
export async function comparisonOf(
  server: ServerConnection,
  summaries: readonly Summary[],
): Promise<{ readonly comparison: Comparison | null; readonly lost: Lost[] }> {
  if (summaries.length < 2) return { comparison: null, lost: [] }
  const query = summaries.map((s) => `run=${s.run_id}`).join('&')
  const found = await attempt(() => server.client.get(`/compare?${query}`))
  if (!(found instanceof Error)) return { comparison: found as Comparison, lost: [] }
  const problem = `The runs could not be compared: ${withStop(found.message)}`
  return { comparison: null, lost: [{ run_id: null, problem }] }
}

/** report.html of each run, and with --out its summary beside its bundle. */
export async function writeResults(
  server: ServerConnection,
  finished: readonly FinishedRun[],
  summaries: readonly Summary[],
  options: RecordOptions,
): Promise<{ readonly reports: string[]; readonly lost: Lost[] }> {
  const reports: string[] = []
  const lost: Lost[] = []
  if (options.out === null && options.json) return { reports, lost }
  for (const summary of summaries) {
    const { run_id } = summary
    const bundle = finished.find((f) => f.result.run_id === run_id)?.bundle ?? null
    const report = await attempt(() => writeResult(server, summary, bundle))
    if (report instanceof Error)
      lost.push({
        run_id,
        problem: `The report of run ${run_id} could not be written: ${withStop(report.message)}`,
      })
    else reports.push(report)
  }
  return { reports, lost }
}

async function writeResult(
  server: ServerConnection,
  summary: Summary,
  bundle: string | null,
): Promise<string> {
  const dir = bundle ?? resolve(REPORTS, summary.run_id)
  makeDirectories(dir, 0o700)
  if (bundle !== null)
    await writePrivate(join(dir, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`)
  const report = join(dir, 'report.html')
  await writePrivate(report, await server.client.text(`/reports/${summary.run_id}`))
  return report
}

export function exitCode(
  finished: readonly FinishedRun[],
  summaries: readonly Summary[],
  lost: readonly Lost[],
  interrupted: boolean,
): ExitCode {
  if (interrupted) return 130
  if (finished.some((f) => f.result.outcome === 'failed' || !f.shipped)) return 1
  if (lost.length > 0) return 1
  return summaries.some((s) => !s.valid) ? 3 : 0
}
