import { engineFlags } from './engine-command.ts'
import type { RunData } from './readings/run-data.ts'
import type { Answer } from './requests/answer.ts'
import { canonicalJson } from './schema/key.ts'
import type { Definition } from './schema/summary.ts'

/** What a run's numbers are numbers of: only runs alike in all of it may be counted as one. null: not said. */
export function definitionOf(run: RunData, answers: readonly Answer[]): Definition {
  const { experiment } = run
  const data = experiment.raw['data']
  return {
    model: experiment.model,
    weights: textOf(modelInfo(run)['sha256']),
    engine: experiment.engine,
    precision: precisionOf(run),
    dataset: data == null ? null : canonicalJson(data),
    token_source: mainSource(answers),
  }
}

/** Where the tokens of most answers are counted. */
function mainSource(answers: readonly Answer[]): string | null {
  const counts = new Map<string, number>()
  for (const a of answers)
    if (a.measured && a.succeeded) counts.set(a.token_source, (counts.get(a.token_source) ?? 0) + 1)
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return most?.[0] ?? null
}

type Described = Pick<RunData, 'experiment' | 'environment'>

/** As it is stated, else as the engine tells it, else as its command asks for it. */
export function precisionOf(run: Described): string | null {
  const { raw } = run.experiment
  const stated = [record(raw['engine']), record(raw['model']), raw, run.environment]
  const info = modelInfo(run)
  const flags = engineFlags(run)
  return (
    stated.map((s) => textOf(s['precision'])).find((p) => p !== null) ??
    joined([info['quantisation'], info['quantization'], info['dtype']]) ??
    joined([flags.get('--dtype'), flags.get('--quantization')])
  )
}

const modelInfo = (run: Described): Record<string, unknown> =>
  record(record(run.environment['engine'])['model_info'])

const joined = (words: readonly unknown[]): string | null =>
  words.filter((w) => typeof w === 'string').join(' ') || null

const record = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
