import type { RunData } from './readings/run-data.ts'

/**
 * The arguments of the engine's command with their values, `--flag value` and `--flag=value` alike; null of one
 * without a value. Empty where the engine was not started by a command.
 */
export function engineFlags(run: Pick<RunData, 'experiment'>): ReadonlyMap<string, string | null> {
  const engine = run.experiment.raw['engine']
  const given = engine !== null && typeof engine === 'object' && 'command' in engine
  const command = given ? engine.command : null
  const line: unknown[] = typeof command === 'string' ? command.split(/\s+/) : []
  const words = (Array.isArray(command) ? command : line).map(String)
  return new Map(
    words.flatMap((word, i): [string, string | null][] => {
      if (!word.startsWith('-')) return []
      const cut = word.indexOf('=')
      if (cut > 0) return [[word.slice(0, cut), word.slice(cut + 1)]]
      const next = words[i + 1]
      return [[word, next === undefined || next.startsWith('-') ? null : next]]
    }),
  )
}
