const POLLED: readonly string[] = ['nvml_power_instant', 'nvml_power_average']
/** Boards whose polled power was found to look at 25 ms of each 100 ms. */
const QUARTER = /\b(A100|H100)\b/
/** Boards whose ring was found to see all of the time. */
const WHOLE_RING = /\bH100\b/

/**
 * Share of each of its periods that a GPU's power source sees; null: not known.
 * Sources: Yang, Adamek, Armour, "Part-time power measurements: nvidia-smi's lack of attention", SC'24,
 * arXiv 2312.02741: a quarter of polled power on A100 and H100. Of the ring docs/measuring.md, "On an H100": bursts that
 * fell on its periods in every way, against the counter.
 */
export function nvmlDuty(model: string | null | undefined, source: string): number | null {
  if (POLLED.includes(source)) return QUARTER.test(model ?? '') ? 0.25 : null
  if (source === 'nvml_power_ring') return WHOLE_RING.test(model ?? '') ? 1 : null
  return null
}
