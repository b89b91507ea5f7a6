import type { RunData } from '../readings/run-data.ts'
import type { Answer } from '../requests/answer.ts'
import { arrivalDispersion, type Dispersion } from '../requests/arrivals.ts'
import { tpotMs } from '../requests/latency-values.ts'
import type { Finding } from '../schema/finding.ts'
import { NS_PER_MS, NS_PER_S } from '../schema/units.ts'
import { chiSquareQuantile } from '../stats/chi-square.ts'
import { percentile } from '../stats/percentile.ts'
import { isClosedLoop } from '../window.ts'
import { REQUEST_THRESHOLDS as LIMIT } from './request-thresholds.ts'
import { jsonDetail } from './steady-findings.ts'

/** What the load generator itself spoilt: its own delays, late sends, arrivals unlike their label. */
export function clientFindings(run: RunData, answers: readonly Answer[]): Finding[] {
  const measured = answers.filter((a) => a.measured)
  const schedule = isClosedLoop(run) ? null : scheduleOf(measured)
  return [
    ...saturated(run, measured, schedule),
    ...lateSends(schedule),
    ...(schedule === null ? [] : unlikeLabel(run, schedule)),
  ]
}

interface Schedule {
  readonly due_ns: readonly number[]
  readonly sent_ns: readonly number[]
  readonly mean_gap_ms: number
  readonly lag_p99_ms: number
  /** Share of the due requests that were sent before the last one was due, give or take the allowed lag. */
  readonly offered_share: number
}

function scheduleOf(measured: readonly Answer[]): Schedule | null {
  const due = measured
    .flatMap((a) =>
      a.row.scheduled_t_ns == null ? [] : [{ at: a.row.scheduled_t_ns, sent: a.sent_ns }],
    )
    .sort((a, b) => a.at - b.at)
  const first = due[0]
  const last = due.at(-1)
  if (!first || !last || last.at <= first.at) return null
  const sent = due.filter((d) => d.sent !== null) as { at: number; sent: number }[]
  if (sent.length === 0) return null
  const mean_gap_ms = (last.at - first.at) / NS_PER_MS / (due.length - 1)
  const allowed = last.at + allowedLag(mean_gap_ms) * NS_PER_MS
  return {
    due_ns: due.map((d) => d.at),
    sent_ns: sent.map((d) => d.sent).sort((a, b) => a - b),
    mean_gap_ms,
    lag_p99_ms: percentile(
      sent.map((d) => (d.sent - d.at) / NS_PER_MS),
      0.99,
    ) as number,
    offered_share: sent.filter((d) => d.sent <= allowed).length / due.length,
  }
}

const allowedLag = (mean_gap_ms: number): number =>
  Math.max(LIMIT.send_lag_floor_ms, LIMIT.send_lag_share * mean_gap_ms)

function saturated(
  run: RunData,
  measured: readonly Answer[],
  schedule: Schedule | null,
): Finding[] {
  const signs: string[] = []
  const detail = jsonDetail(run, 'client_self')
  const number = (key: string): number | null => {
    const value = detail?.[key]
    return typeof value === 'number' ? value : null
  }
  const loop = number('loop_delay_p99_ms')
  const tpots = measured.map(tpotMs).filter((v) => typeof v === 'number')
  const tpot = percentile(tpots, 0.5)
  if (
    loop !== null &&
    loop > LIMIT.loop_delay_floor_ms &&
    (tpot === null || loop > LIMIT.loop_delay_share_of_tpot * tpot)
  )
    signs.push(`its event loop was late by ${loop.toFixed(1)} ms at p99`)
  const busy = number('event_loop_utilisation')
  if (busy !== null && busy > LIMIT.event_loop_utilisation)
    signs.push(`its event loop was busy ${(100 * busy).toFixed(0)} % of the time`)
  const pause = number('gc_pause_max_ms')
  if (pause !== null && pause > LIMIT.gc_pause_ms)
    signs.push(`it paused ${pause.toFixed(0)} ms to collect garbage`)
  // With an upper limit of requests in flight, lateness is the client's own queue, as configured.
  if (schedule !== null && run.experiment.load.concurrency === null) {
    if (schedule.lag_p99_ms > allowedLag(schedule.mean_gap_ms))
      signs.push(`it sent ${schedule.lag_p99_ms.toFixed(1)} ms late at p99`)
    if (schedule.offered_share < LIMIT.offered_share)
      signs.push(`it offered ${(100 * schedule.offered_share).toFixed(1)} % of the planned load`)
  }
  if (signs.length === 0) return []
  return [
    {
      code: 'client_saturated',
      severity: 'invalid',
      message: `The load generator could not keep up: ${signs.join('; ')}. Its own delay is in the latencies. Lower the load, or free a core for it.`,
      evidence: {
        signs,
        loop_delay_p99_ms: loop,
        tpot_ms_p50: tpot,
        event_loop_utilisation: busy,
        gc_pause_max_ms: pause,
        send_lag_p99_ms: schedule?.lag_p99_ms ?? null,
        offered_share: schedule?.offered_share ?? null,
      },
    },
  ]
}

function lateSends(schedule: Schedule | null): Finding[] {
  if (schedule === null) return []
  const { lag_p99_ms, mean_gap_ms } = schedule
  if (lag_p99_ms <= LIMIT.send_lag_share * mean_gap_ms) return []
  return [
    {
      code: 'send_lag_high',
      severity: 'caution',
      message: `Requests were sent ${lag_p99_ms.toFixed(2)} ms late at p99, over a tenth of the mean gap of ${mean_gap_ms.toFixed(2)} ms; read the latencies from schedule.`,
      evidence: { send_lag_p99_ms: lag_p99_ms, mean_gap_ms },
    },
  ]
}

/** Poisson arrivals must disperse as such, even ones keep their grid. */
function unlikeLabel(run: RunData, schedule: Schedule): Finding[] {
  const { shape, rate } = run.experiment.load
  const found = (message: string, evidence: Record<string, unknown>): Finding[] => [
    { code: 'arrival_mismatch', severity: 'caution', message, evidence: { shape, ...evidence } },
  ]
  if (shape === 'constant' && rate !== null) {
    const deviation_ms = offGrid(schedule.due_ns, rate)
    if (deviation_ms <= LIMIT.constant_deviation_ms) return []
    return found(
      `Arrivals called constant stray ${deviation_ms.toFixed(1)} ms from an even ${rate} requests/s.`,
      { deviation_ms, rate },
    )
  }
  if (shape !== 'poisson') return []
  const [start_ns, end_ns] = [schedule.sent_ns[0] as number, schedule.sent_ns.at(-1) as number]
  const dispersion = arrivalDispersion(schedule.sent_ns, { start_ns, end_ns })
  if (dispersion === null || dispersion.arrivals < LIMIT.dispersion_arrivals) return []
  const band = dispersionBand(dispersion)
  if (dispersion.ratio >= band.low && dispersion.ratio <= band.high) return []
  return found(
    `Arrivals called Poisson have a dispersion of ${dispersion.ratio.toFixed(2)} in bins of 1 s, outside ${band.low.toFixed(2)} to ${band.high.toFixed(2)}; drop the label.`,
    { ...dispersion, ...band },
  )
}

/** 99.9 % band of variance over mean of Poisson counts: chi-square over its degrees of freedom. */
function dispersionBand({ bins }: Dispersion): { low: number; high: number } {
  const degrees = bins - 1
  return {
    low: chiSquareQuantile(LIMIT.dispersion_tail, degrees) / degrees,
    high: chiSquareQuantile(1 - LIMIT.dispersion_tail, degrees) / degrees,
  }
}

function offGrid(due_ns: readonly number[], rate: number): number {
  const first = due_ns[0] as number
  let worst = 0
  due_ns.forEach((t, i) => {
    worst = Math.max(worst, Math.abs(t - first - (i / rate) * NS_PER_S))
  })
  return worst / NS_PER_MS
}
