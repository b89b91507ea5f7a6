import { existsSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { scenarioRefSchema } from '../../analysis/schema/stored.ts'
import { CommandError } from '../command-error.ts'
import { readScenarioFile, ScenarioError } from '../scenario-file.ts'
import { asBase, looksLikeFile, type ScenarioBase, storedScenario } from '../scenarios.ts'
import { findVersion, NotStored } from '../store/document-versions.ts'
import type { Store } from '../store/open.ts'

/**
 * What --scenario names, by its form alone, so that a file that comes or goes changes no answer: with a slash, or ending in
 * .yaml, .yml or .json, a file; else NAME or NAME@VERSION of a stored scenario. What of a file could not be taken is said
 * on stderr.
 * @throws ScenarioError; CommandError where there is none, with the other way to name it
 */
export async function namedScenario(store: Store, text: string): Promise<ScenarioBase> {
  if (!looksLikeFile(text)) return storedNamed(store, text)
  const path = resolve(text)
  if (!existsSync(path)) throw new CommandError(2, await noFile(store, path))
  const { scenario, notes } = readScenarioFile(path)
  for (const note of notes) process.stderr.write(`${note}\n`)
  return { scenario, stored: null }
}

async function storedNamed(store: Store, text: string): Promise<ScenarioBase> {
  const ref = scenarioRefSchema.safeParse(text)
  try {
    if (ref.success) return asBase(await storedScenario(store, ref.data))
  } catch (error) {
    if (!(error instanceof NotStored)) throw error
    throw new CommandError(2, `${error.message} ${existsSync(text) ? thatFile(text) : A_FILE}`)
  }
  throw new CommandError(
    2,
    `--scenario is ${JSON.stringify(text)}; it must be NAME or NAME@VERSION of a stored scenario, such as berlin@2. ${existsSync(text) ? thatFile(text) : A_FILE}`,
  )
}

const A_FILE = 'A file is named with a slash, or by its .yaml, .yml or .json: ./NAME.'
const thatFile = (text: string): string => `The file of that name is --scenario ./${text}`

/** No such file, and which stored scenario may have been meant. */
async function noFile(store: Store, path: string): Promise<string> {
  const stem = scenarioRefSchema.safeParse(basename(path, extname(path)))
  const stored = stem.success && (await isStored(store, stem.data.name))
  return `${path}: can't be read (ENOENT). ${
    stored
      ? `A scenario of that name is stored: --scenario ${stem.data.name}`
      : 'A stored scenario is named without slash and ending, as NAME or NAME@VERSION: llem-server scenario list'
  }`
}

async function isStored(store: Store, name: string): Promise<boolean> {
  try {
    await findVersion(store.db, 'scenario', name, null)
    return true
  } catch (error) {
    if (error instanceof NotStored) return false
    throw error
  }
}

/** A scenario that can't be read, as the end of a command. */
export async function inCommand<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ScenarioError) throw new CommandError(2, error.message)
    throw error
  }
}
