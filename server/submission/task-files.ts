import { taskFile } from '../../analysis/exporters/mlenergy.ts'
import { type ExportedRow, runTaskRow } from '../../analysis/exporters/mlenergy-run.ts'
import type { RunValidity } from '../../analysis/schema/run-validity.ts'
import { CommandError } from '../command-error.ts'
import { readRunFile } from '../run-file.ts'
import { validityOf } from '../run-validity.ts'
import { runFacts } from '../store/run-facts.ts'
import type { RunRow } from '../store/tables.ts'
import type { Summaries } from '../summaries.ts'

/**
 * Runs as task files of the leaderboard, by task.
 * @throws CommandError that names every run and field that is refused
 */
export async function taskFiles(
  summaries: Summaries,
  rows: readonly RunRow[],
  strict: boolean,
): Promise<{
  readonly files: Map<string, string>
  readonly validities: readonly RunValidity[]
}> {
  const byTask = new Map<string, ExportedRow['row'][]>()
  const faults: string[] = []
  const validities: RunValidity[] = []
  for (const row of rows) {
    const { validity, ...exported } = await exportedRow(summaries, row)
    validities.push(validity)
    const said = [...exported.refused, ...(strict ? exported.strict : [])]
    const task = row.task ?? null
    if (task === null || !/^[\w.-]{1,100}$/.test(task))
      said.unshift({
        field: 'task',
        reason: `${task ?? 'none is said'}; give it in the configuration, tags: { task: NAME }`,
      })
    if (said.length > 0 || task === null) {
      faults.push(`${row.run_id}: ${said.map((f) => `${f.field} (${f.reason})`).join('; ')}`)
      continue
    }
    const { x_llem: _, ...bare } = exported.row
    byTask.set(task, [...(byTask.get(task) ?? []), strict ? bare : exported.row])
  }
  if (faults.length > 0)
    throw new CommandError(1, `Not exported, nothing was written. ${faults.join('. ')}.`)
  const files = new Map([...byTask].map(([task, list]) => [task, taskFile(task, task, list)]))
  return { files, validities }
}

async function exportedRow(
  summaries: Summaries,
  row: RunRow,
): Promise<ExportedRow & { readonly validity: RunValidity }> {
  const { run, summary } = await summaries.withRun(row)
  const facts = runFacts(readRunFile(Buffer.from(row.run_json)).file)
  return { ...runTaskRow(run, summary, facts, row.sha256), validity: validityOf(row, summary) }
}
