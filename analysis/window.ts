import { coveredEnd } from './estimators/covered-end.ts'
import type { PhaseSpan, RunData } from './readings/run-data.ts'
import { type Answer, answersOf } from './requests/answer.ts'
import { plateau } from './requests/plateau.ts'
import { prefillBalance } from './requests/prefill-balance.ts'
import { runSpan } from './requests/run-span.ts'
import { saturation } from './requests/saturation.ts'
import type { Finding } from './schema/finding.ts'
import type { Reason } from './schema/reason.ts'
import type { PhaseName } from './schema/run.ts'
import { NS_PER_S } from './schema/units.ts'

/** A span of the run clock in which both tokens and joules are counted: left-open, right-closed. */
export interface Window {
  readonly start_ns: number
  readonly end_ns: number
  /** saturation, plateau, run, phase or fixed. */
  readonly rule: string
}

export interface ChosenWindow {
  readonly window: Window | null
  readonly reason: Reason | null
  readonly findings: readonly Finding[]
}

/** Length of a window in seconds. */
export const windowSeconds = (w: Window): number => (w.end_ns - w.start_ns) / NS_PER_S

/** `auto` takes no steady window whose prefill balance is off by more than this. */
const BALANCE_LIMIT = 0.15

/**
 * The counted window of a run by the rule of its configuration.
 * @param answers the run's requests where they are read already; so with the other functions of a run
 * @returns the window, or null with `no_window`; findings `no_steady_window` and `no_window` say what was given up
 * Source: docs/metrics.md, "Time base and windows".
 */
export function chooseWindow(
  run: RunData,
  answers: readonly Answer[] = answersOf(run),
): ChosenWindow {
  const chosen = byRule(run, answers)
  return { ...chosen, window: withinCover(run, chosen.window) }
}

function byRule(run: RunData, answers: readonly Answer[]): ChosenWindow {
  const rule = run.experiment.phases.window
  if (typeof rule === 'object') return orNone(fixedWindow(run, rule), 'fixed')
  if (rule === 'phase') return orNone(phaseWindow(run, 'measure'), rule)
  if (rule === 'run') return orNone(spanWindow(answers), rule)
  if (rule === 'saturation' || rule === 'plateau')
    return orNone(steadyWindow(run, answers, rule).window, rule)
  return autoWindow(run, answers)
}

/**
 * First sent of the measured load to its last terminal event, of an interrupted run no further than all its used devices are
 * covered; null where nothing was sent or nothing ended.
 */
export function runWindow(
  run: RunData,
  answers: readonly Answer[] = answersOf(run),
): Window | null {
  return withinCover(run, spanWindow(answers))
}

/**
 * The window of an interrupted run ends where the readings of its used devices do: requests that a killed agent recorded later have no
 * joules. Where none of it is covered it stays, and its energy is null.
 */
function withinCover(run: RunData, window: Window | null): Window | null {
  if (window === null || run.outcome !== 'interrupted') return window
  const end_ns = coveredEnd(run)
  return end_ns === null || end_ns <= window.start_ns || end_ns >= window.end_ns
    ? window
    : { ...window, end_ns }
}

/**
 * From the first start to the last end of a phase; null where it has no mark or no length. Of phase idle what lies
 * before the load; what lies after it is `idleAfter`.
 */
export function phaseWindow(run: RunData, phase: PhaseName): Window | null {
  const spans = run.phases.filter((p) => p.phase === phase)
  return spanOf(phase === 'idle' ? spans.filter((p) => !followsLoad(run, p)) : spans)
}

/** First start to last end of all phases; an instant where there is none. */
export function recordedPhases(run: RunData): Window {
  const starts = run.phases.map((p) => p.start_ns)
  const ends = run.phases.map((p) => p.end_ns)
  const start_ns = starts.length === 0 ? 0 : Math.min(...starts)
  return { start_ns, end_ns: Math.max(start_ns + 1, ...ends), rule: 'recorded' }
}

/** The idle phase after the load, with the model still loaded; null where none was recorded. */
export function idleAfter(run: RunData): Window | null {
  return spanOf(run.phases.filter((p) => p.phase === 'idle' && followsLoad(run, p)))
}

const followsLoad = (run: RunData, span: PhaseSpan): boolean =>
  run.phases.some((p) => p.phase === 'measure' && p.end_ns <= span.start_ns)

function spanOf(spans: readonly PhaseSpan[]): Window | null {
  if (spans.length === 0) return null
  return lasting(
    Math.min(...spans.map((p) => p.start_ns)),
    Math.max(...spans.map((p) => p.end_ns)),
    'phase',
  )
}

/** Closed loop: a fixed number of requests in flight. An open shape that this version can't read is open all the same. */
export function isClosedLoop(run: RunData): boolean {
  const raw = run.experiment.raw['load']
  const shape = raw !== null && typeof raw === 'object' && 'shape' in raw ? raw.shape : null
  return typeof shape === 'string' ? shape === 'closed' : run.experiment.load.shape === 'closed'
}

function spanWindow(answers: readonly Answer[]): Window | null {
  const span = runSpan(answers)
  return span === null ? null : lasting(span.start_ns, span.end_ns, 'run')
}

function fixedWindow(run: RunData, { from_s, to_s }: { from_s: number; to_s: number }) {
  const phase = phaseWindow(run, 'measure')
  if (phase === null) return null
  const at = (s: number) => phase.start_ns + s * NS_PER_S
  return lasting(at(from_s), at(to_s), 'fixed')
}

function steadyWindow(
  run: RunData,
  answers: readonly Answer[],
  rule: 'saturation' | 'plateau',
): { window: Window | null; why: string } {
  const found = rule === 'saturation' ? saturation(run, answers) : plateau(run, answers)
  if (typeof found === 'string') return { window: null, why: found }
  const window = lasting(found.start_ns, found.end_ns, rule)
  return { window, why: window === null ? 'the steady span has no length' : '' }
}

function autoWindow(run: RunData, answers: readonly Answer[]): ChosenWindow {
  const whole = spanWindow(answers)
  if (whole === null) {
    // A measured program without requests has its phase; a load of which nothing ended has nothing.
    if (answers.length === 0) return orNone(phaseWindow(run, 'measure'), 'phase')
    return orNone(null, 'auto')
  }
  const rule = isClosedLoop(run) ? 'saturation' : 'plateau'
  const { window, why } = steadyWindow(run, answers, rule)
  if (window === null) return fallback(whole, rule, why, {})
  const balance = prefillBalance(answers, window, whole)
  if (balance === null)
    return fallback(whole, rule, 'no output token arrived in the steady span', {})
  if (Math.abs(balance - 1) > BALANCE_LIMIT)
    return fallback(
      whole,
      rule,
      `the steady span holds ${balance.toFixed(2)} times the run's prefills per output token`,
      { prefill_balance: balance },
    )
  return { window, reason: null, findings: [] }
}

function fallback(
  window: Window,
  rule: string,
  why: string,
  evidence: Record<string, unknown>,
): ChosenWindow {
  return {
    window,
    reason: null,
    findings: [
      {
        code: 'no_steady_window',
        severity: 'caution',
        message: `No steady window by rule ${rule} (${why}), so the whole run is counted, with its ramps. Send more requests per slot or measure longer.`,
        evidence: { rule, why, ...evidence },
      },
    ],
  }
}

function orNone(window: Window | null, rule: string): ChosenWindow {
  if (window !== null) return { window, reason: null, findings: [] }
  const finding: Finding = {
    code: 'no_window',
    severity: 'invalid',
    message: `There is no window by rule ${rule}, so nothing can be counted. Choose another phases.window or send more requests.`,
    evidence: { rule },
  }
  return { window: null, reason: 'no_window', findings: [finding] }
}

const lasting = (start_ns: number, end_ns: number, rule: string): Window | null =>
  end_ns > start_ns ? { start_ns, end_ns, rule } : null
