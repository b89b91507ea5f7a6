import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Experiment } from '../analysis/schema/experiment.ts'
import type { Environment } from './sensors/visible-list.ts'

/**
 * The environment of an engine: that of its process where /proc shows it, else what it was or will be started with. Of
 * an attached engine whose process hides it (another user's, in a container) nothing is known: empty.
 * @param pid null: not started yet, or not known
 */
export function engineEnvironment(
  experiment: Experiment,
  pid: number | null,
  procRoot = '/proc',
): Environment {
  const { engine } = experiment
  const own = pid === null ? null : environmentOf(procRoot, pid)
  if (own !== null) return own
  if (engine.name === 'embedded') return process.env
  return engine.launcher === 'attach' ? {} : { ...process.env, ...engine.env }
}

function environmentOf(procRoot: string, pid: number): Environment | null {
  let text: string
  try {
    text = readFileSync(join(procRoot, String(pid), 'environ'), 'utf8')
  } catch {
    return null
  }
  const pairs = text.split('\0').filter((pair) => pair.includes('='))
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
}
