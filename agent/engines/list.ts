import type { Experiment } from '../../analysis/schema/experiment.ts'
import { embedded } from './embedded.ts'
import type { EngineKind } from './engine.ts'
import { openai } from './openai.ts'

/** Every kind of engine. A new one is a file beside this and a line here. */
const ENGINES: Readonly<Record<Experiment['engine']['name'], EngineKind>> = { embedded, openai }

export function engineOf(name: Experiment['engine']['name']): EngineKind {
  return ENGINES[name]
}
