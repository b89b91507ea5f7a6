import { aiperf } from './aiperf.ts'
import { guidellm } from './guidellm.ts'
import type { Importer } from './importer.ts'
import { llmperf } from './llmperf.ts'
import { mlenergy } from './mlenergy.ts'
import { vllmBench } from './vllm-bench.ts'

/** Every reader of results of other tools, in the order in which a file is shown to them. */
export const IMPORTERS: readonly Importer[] = [mlenergy, aiperf, guidellm, vllmBench, llmperf]
