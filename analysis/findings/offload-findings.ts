import type { RunEnergies } from '../energy/energy-scope.ts'
import { engineFlags } from '../engine-command.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'

/** Arguments of vLLM, SGLang and llama.cpp by which caches, weights or experts leave the GPU. */
const FLAGS: readonly string[] = [
  '--kv-transfer-config',
  '--kv-offloading-size',
  '--cpu-offload-gb',
  '--swap-space',
  '--enable-hierarchical-cache',
  '--enable-lmcache',
  '--disaggregation-mode',
  '--no-kv-offload',
  '-nkvo',
  '--cpu-moe',
  '-cmoe',
  '--n-cpu-moe',
  '-ncmoe',
]

/**
 * Whether work was moved to parts of the host while only the GPUs are charged: processors, memory and network then do
 * for nothing what makes the GPUs look thrifty.
 * Source: docs/metrics.md, "Prefill and decode".
 */
export function offloadFindings(run: RunData, { gpu }: RunEnergies): Finding[] {
  if (gpu.energy_j === null) return []
  const phases = new Set(run.processes.filter((p) => p.role === 'worker').map((p) => p.phase))
  const apart = phases.has('prefill') && phases.has('decode')
  const flags = flagsOf(run)
  if (!apart && flags.length === 0) return []
  const how = [
    ...(apart ? ['its caches travel from prefill to decode workers'] : []),
    ...(flags.length > 0 ? [`it was started with ${flags.join(' ')}`] : []),
  ]
  return [
    {
      code: 'scope_excludes_offload',
      severity: 'caution',
      message: `The engine moves work out of its GPUs (${how.join('; ')}), and compute energy is that of the GPUs alone. Compare it by energy_total_j or energy_node_j.`,
      evidence: { disaggregated: apart, flags },
    },
  ]
}

/** Such arguments of the engine's command; one whose value is 0 moves nothing. */
const flagsOf = (run: RunData): string[] =>
  [...engineFlags(run)]
    .filter(([flag, value]) => FLAGS.includes(flag) && Number(value ?? 1) !== 0)
    .map(([flag]) => flag)
