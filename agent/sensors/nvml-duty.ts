/** Boards whose polled power was found to look at 25 ms of each 100 ms. */
const QUARTER = /\b(A100|H100)\b/

/**
 * Share of each of its periods that a GPU's polled power sees; null: not known.
 * Source: Yang, Adamek, Armour, "Part-time power measurements: nvidia-smi's lack of attention", SC'24,
 * arXiv 2312.02741: a quarter on A100 and H100. Nobody has measured it of the driver's power ring.
 */
export function nvmlDuty(model: string | null | undefined, source: string): number | null {
  if (source !== 'nvml_power_instant' && source !== 'nvml_power_average') return null
  return QUARTER.test(model ?? '') ? 0.25 : null
}
