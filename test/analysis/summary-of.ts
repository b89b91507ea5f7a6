import type { Finding } from '../../analysis/schema/finding.ts'
import { type MetricValue, type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import type { Unit } from '../../analysis/schema/units.ts'

/** A metric with a whole and a repeatable half-width. */
export function metric(
  value: number | null,
  half = 0,
  repeat_half = half,
  unit: Unit = 'J/token',
): MetricValue {
  const around = (h: number, sign: number) => (value === null ? null : value + sign * h)
  return {
    value,
    unit,
    low: around(half, -1),
    high: around(half, 1),
    repeat_low: around(repeat_half, -1),
    repeat_high: around(repeat_half, 1),
    n: 1,
    reason: value === null ? 'no_output_tokens' : null,
    provenance: null,
  }
}

export function summaryOf(
  run_id: string,
  metrics: Record<string, MetricValue>,
  more: {
    readonly key?: string
    readonly name?: string
    readonly devices?: readonly string[]
    readonly findings?: readonly Finding[]
  } = {},
): Summary {
  const findings = [...(more.findings ?? [])]
  return summarySchema.parse({
    run_id,
    name: more.name ?? null,
    study_id: null,
    experiment_key: more.key ?? 'k',
    analysis_version: 1,
    valid: !findings.some((f) => f.severity === 'invalid'),
    window: null,
    metrics,
    devices: (more.devices ?? ['GPU-1']).map((device_id) => ({
      device_id,
      kind: 'gpu',
      model: null,
      used: true,
      energy_j: null,
      low: null,
      high: null,
      reason: 'uncovered',
      provenance: null,
      power_mean_w: null,
      idle_cold_w: null,
      idle_resident_w: null,
      estimates: [],
      components: [],
      temperature_max_c: null,
    })),
    findings,
    windows: [],
  })
}

export const finding = (code: Finding['code'], severity: Finding['severity']): Finding => ({
  code,
  severity,
  message: 'as told',
  evidence: {},
})
