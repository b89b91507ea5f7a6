import { aiEnergyScore } from './ai-energy-score.ts'
import { aiperf } from './aiperf.ts'
import { codecarbon } from './codecarbon.ts'
import { guidellm } from './guidellm.ts'
import type { Importer } from './importer.ts'
import { inferencex } from './inferencex.ts'
import { llenergymeasure } from './llenergymeasure.ts'
import { llmperf } from './llmperf.ts'
import { mlenergy } from './mlenergy.ts'
import { optimumBenchmark } from './optimum-benchmark.ts'
import { prometheus } from './prometheus.ts'
import { vllmBench } from './vllm-bench.ts'

/** Every reader of results of other tools, in the order in which a file is shown to them. */
export const IMPORTERS: readonly Importer[] = [
  mlenergy,
  aiperf,
  guidellm,
  vllmBench,
  llmperf,
  optimumBenchmark,
  inferencex,
  llenergymeasure,
  aiEnergyScore,
  codecarbon,
  prometheus,
]
