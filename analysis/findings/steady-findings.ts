import type { RunData } from '../readings/run-data.ts'
import type { Answer } from '../requests/answer.ts'
import { binLoad, binPower } from '../requests/load-bins.ts'
import { prefillBalance } from '../requests/prefill-balance.ts'
import { runSpan } from '../requests/run-span.ts'
import type { Finding } from '../schema/finding.ts'
import { mean } from '../stats/moments.ts'
import { trendCorrelation } from '../stats/spearman.ts'
import { type Window, windowSeconds } from '../window.ts'
import { percent } from './failure-findings.ts'
import { REQUEST_THRESHOLDS as LIMIT } from './request-thresholds.ts'

const STEADY_RULES = new Set(['saturation', 'plateau'])

/** Whether the counted window is long, balanced and without trend. */
export function steadyFindings(
  run: RunData,
  answers: readonly Answer[],
  window: Window | null,
): Finding[] {
  if (window === null || answers.length === 0) return []
  return [
    ...tooShort(window),
    ...unbalanced(answers, window),
    ...trends(run, answers, window),
    ...warmup(run),
  ]
}

function tooShort(window: Window): Finding[] {
  const seconds = windowSeconds(window)
  if (!STEADY_RULES.has(window.rule) || seconds >= LIMIT.short_steady_info_s) return []
  const caution = seconds < LIMIT.short_steady_caution_s
  return [
    {
      code: 'short_steady_state',
      severity: caution ? 'caution' : 'info',
      message: `The steady window is ${seconds.toFixed(1)} s long; ${LIMIT.short_steady_info_s} s or more settle power and rates. Send more requests.`,
      evidence: { seconds, rule: window.rule },
    },
  ]
}

function unbalanced(answers: readonly Answer[], window: Window): Finding[] {
  const whole = runSpan(answers)
  const balance = whole === null ? null : prefillBalance(answers, window, whole)
  if (balance === null || Math.abs(balance - 1) <= LIMIT.balance_caution) return []
  const invalid = Math.abs(balance - 1) > LIMIT.balance_invalid
  return [
    {
      code: 'prefill_unbalanced',
      severity: invalid ? 'invalid' : 'caution',
      message: `The window holds ${balance.toFixed(2)} times the prefills per output token of the whole run, so its joules per token charge prefill wrongly. Send more requests per slot (25 give 0.96).`,
      evidence: { prefill_balance: balance, rule: window.rule },
    },
  ]
}

/** A monotone trend of output rate or power over the window, large enough to matter. */
function trends(run: RunData, answers: readonly Answer[], window: Window): Finding[] {
  // The ramps of a whole run are no drift of its middle.
  if (window.rule === 'run') return []
  const slices = LIMIT.trend_slices
  const width = (window.end_ns - window.start_ns) / slices
  const load = binLoad(answers, window.start_ns, width, slices)
  const power = binPower(run, window.start_ns, width, slices)
  const series = { 'output rate': load.output_tokens, ...(power === null ? {} : { power }) }
  return Object.entries(series).flatMap(([name, values]): Finding[] => {
    const rho = trendCorrelation(values)
    const drift = relativeDrift(values)
    if (rho === null || drift === null) return []
    if (Math.abs(rho) <= LIMIT.trend_rank_correlation || Math.abs(drift) <= LIMIT.trend_drift)
      return []
    return [
      {
        code: 'non_stationary',
        severity: 'caution',
        message: `The ${name} ${drift > 0 ? 'rises' : 'falls'} by ${percent(Math.abs(drift))} over the window; it was not settled. Warm up longer or look for throttling.`,
        evidence: { series: name, rank_correlation: rho, drift },
      },
    ]
  })
}

/** Least-squares slope × span over the mean. */
function relativeDrift(values: Float64Array): number | null {
  const centre = mean(values)
  if (centre === null || centre <= 0) return null
  const middle = (values.length - 1) / 2
  let xy = 0
  let xx = 0
  values.forEach((v, x) => {
    xy += (x - middle) * (v - centre)
    xx += (x - middle) ** 2
  })
  return ((xy / xx) * values.length) / centre
}

function warmup(run: RunData): Finding[] {
  const detail = jsonDetail(run, 'warmup')
  if (detail?.['converged'] !== false) return []
  const cv = detail['cv']
  const spread = typeof cv === 'number' ? ` (spread ${percent(cv)}, limit 5 %)` : ''
  return [
    {
      code: 'warmup_not_converged',
      severity: 'caution',
      message: `Request times had not settled after ${String(detail['requests'] ?? 'all')} warm-up requests${spread}; the first measured ones may still be slow. Give phases.warmup a larger number.`,
      evidence: detail,
    },
  ]
}

/** The last event of a code whose detail is a JSON object; null where there is none. */
export function jsonDetail(run: RunData, code: string): Record<string, unknown> | null {
  const text = run.events.findLast((e) => e.code === code)?.detail
  if (text == null) return null
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
