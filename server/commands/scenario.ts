import { resolve } from 'node:path'
import { stringify } from 'yaml'
import { toJson } from '../../analysis/schema/json.ts'
import { scenarioRefSchema } from '../../analysis/schema/stored.ts'
import { CommandError } from '../command-error.ts'
import { readScenarioFile } from '../scenario-file.ts'
import { putScenario, storedScenario } from '../scenarios.ts'
import { listScenarios } from '../store/document-versions.ts'
import { inCommand } from './named-scenario.ts'
import { columns } from './runs.ts'
import { isoNow, printLine, withStore } from './with-store.ts'

interface Common {
  readonly db: string
  readonly json: boolean
}

/** Stores the scenario of a file, with the series and prices that stand in files beside it. */
export async function scenarioPut(file: string, options: Common): Promise<void> {
  const { scenario, notes } = await inCommand(async () => readScenarioFile(resolve(file)))
  for (const note of notes) process.stderr.write(`${note}\n`)
  await withStore(options.db, { create: true }, async (store) => {
    const who = { actor: 'local', now: isoNow }
    const { done, stored } = await inCommand(() => putScenario(store, scenario, who))
    const { scenario: _, ...version } = stored
    if (options.json) return printLine(toJson({ done, ...version }, 2))
    const ref = `${stored.name}@${stored.version}`
    printLine(
      done === 'added'
        ? `Stored ${ref} (sha256 ${stored.sha256}). Use it: --scenario ${stored.name}`
        : `Stored already: ${ref} is the same (sha256 ${stored.sha256}).`,
    )
  })
}

export async function scenarioList(options: Common): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const scenarios = await listScenarios(store.db)
    if (options.json) return printLine(toJson({ scenarios }, 2))
    if (scenarios.length === 0)
      return printLine('No scenarios are stored. Store one: llem-server scenario put FILE')
    const rows = scenarios.map((s) => [
      `${s.name}@${s.version}`,
      s.at,
      s.actor,
      s.sha256.slice(0, 12),
      s.title,
    ])
    for (const line of columns([['SCENARIO', 'PUT', 'BY', 'SHA256', 'TITLE'], ...rows]))
      printLine(line)
  })
}

/** A stored scenario as a file that can be put again; with --json as the API answers it. */
export async function scenarioShow(text: string, options: Common): Promise<void> {
  const ref = scenarioRefSchema.safeParse(text)
  if (!ref.success)
    throw new CommandError(
      2,
      `${JSON.stringify(text)} is not NAME or NAME@VERSION of a stored scenario, such as berlin@2.`,
    )
  await withStore(options.db, { create: false }, async (store) => {
    const stored = await storedScenario(store, ref.data)
    if (options.json) return printLine(toJson(stored, 2))
    const { name, version, sha256, at, actor, scenario } = stored
    printLine(`# ${name}@${version}, put ${at} by ${actor}\n# sha256 ${sha256}`)
    process.stdout.write(stringify(scenario))
  })
}
