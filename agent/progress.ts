import { SingleBar } from 'cli-progress'
import type { Experiment } from '../analysis/schema/experiment.ts'
import { PHASES, type PhaseName } from '../analysis/schema/run.ts'
import { showWait } from './wait-line.ts'

/** Elsewhere than on a terminal, how the phase stands is a line this often. */
const LINE_EVERY_MS = 30_000

/** What a person sees while a run runs: on a terminal one live line with the time left, else a line a phase. */
export interface Reporter {
  say(text: string): void
  /** A line that the next one replaces on a terminal; elsewhere nothing, since it would scroll. */
  step(text: string): void
  runStarts(index: number, total: number, experiment: Experiment): void
  phase(phase: PhaseName, seconds: number | null): void
  /** Share of the current phase that is over, and what to show beside it. */
  progress(fraction: number, note: string): void
  runEnds(): void
  /**
   * What is waited for, and how long at most, until the returned function is called. Elsewhere than on a terminal a line
   * when it takes long.
   */
  wait(what: string | (() => string), limit_s: number | null): () => void
}

// Before anything was seen: what loading and warming up usually take, in seconds.
const GUESS: Partial<Record<PhaseName, number>> = { load: 3, warmup: 8, drain: 2 }

export function createReporter(out: NodeJS.WriteStream, quiet: boolean): Reporter {
  const live = out.isTTY === true && !quiet
  const bar = live
    ? new SingleBar({
        stream: out,
        format: '{bar} {percentage}%  {what}  {left}',
        barCompleteChar: '━',
        barIncompleteChar: '─',
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false,
        linewrap: false,
      })
    : null
  let plan = new Map<PhaseName, number>()
  let phase: PhaseName | null = null
  let phaseStarted = 0
  let idleAfter_s = 0
  let title = ''
  let runStarted = 0
  const finished: number[] = []
  let runsAfter = 0
  let ticker: NodeJS.Timeout | null = null
  let fraction = 0
  let note = ''
  let stepping = false
  let lined = 0

  const secondsLeft = (): { run: number; all: number } => {
    const elapsed = (performance.now() - phaseStarted) / 1000
    const expected = phase === null ? 0 : (plan.get(phase) ?? 0)
    // A phase that tells its own share (by count) is extrapolated once a fifth of it was seen.
    const inPhase =
      fraction > 0.2 ? (elapsed / fraction) * (1 - fraction) : Math.max(0, expected - elapsed)
    const after = PHASES.slice(phase === null ? 0 : PHASES.indexOf(phase) + 1)
    const run = inPhase + after.reduce((sum, p) => sum + (plan.get(p) ?? 0), idleAfter_s)
    const whole =
      finished.length > 0
        ? finished.reduce((a, b) => a + b, 0) / finished.length
        : (performance.now() - runStarted) / 1000 + run
    return { run, all: run + runsAfter * whole }
  }

  const draw = () => {
    if (!bar) return
    const { run, all } = secondsLeft()
    const done = (performance.now() - runStarted) / 1000
    bar.update(Math.min(99, Math.round((done / Math.max(done + run, 1)) * 100)), {
      what: `${title}${phase ?? ''}${note ? `  ${note}` : ''}`,
      left: `about ${clock(all)} left`,
    })
  }

  return {
    say(text) {
      if (quiet) return
      if (stepping || (bar && phase !== null)) out.write('\r\x1b[K')
      stepping = false
      out.write(`${text}\n`)
      draw()
    },
    step(text) {
      if (live) out.write(`\r\x1b[K${text}`)
      stepping = live
    },
    runStarts(index, total, experiment) {
      const p = experiment.phases
      plan = new Map<PhaseName, number>([
        ['baseline', p.baseline_s],
        ['load', GUESS.load as number],
        ['idle', p.idle_s],
        ['warmup', p.warmup === 0 ? 0 : (GUESS.warmup as number)],
        ['measure', experiment.load.duration_s ?? 30],
        ['drain', GUESS.drain as number],
        ['cooldown', p.cooldown_s],
      ])
      idleAfter_s = p.idle_after_s
      title = total > 1 ? `run ${index + 1}/${total}  ` : ''
      runsAfter = total - index - 1
      runStarted = performance.now()
      phaseStarted = runStarted
      phase = null
      if (stepping) out.write('\r\x1b[K')
      stepping = false
      if (bar) {
        bar.start(100, 0, { what: title, left: '' })
        ticker = setInterval(draw, 500)
        ticker.unref()
      }
    },
    phase(next, seconds) {
      // Idle comes a second time where it is measured after the load too, and nothing follows it then.
      if (next === 'idle' && !plan.has('measure')) idleAfter_s = 0
      if (phase !== null)
        for (const over of PHASES.slice(0, PHASES.indexOf(phase) + 1)) plan.delete(over)
      phase = next
      phaseStarted = performance.now()
      fraction = 0
      note = ''
      lined = phaseStarted
      if (seconds !== null) plan.set(next, seconds)
      if (!bar && !quiet)
        out.write(
          `${title}${next}${seconds === null ? '' : ` (${seconds} s)`}, about ${clock(secondsLeft().all)} left\n`,
        )
      draw()
    },
    progress(share, text) {
      fraction = share
      note = text
      if (live || quiet || text === '' || performance.now() - lined < LINE_EVERY_MS) return
      lined = performance.now()
      out.write(`${title}${phase ?? ''}  ${text}\n`)
    },
    wait(what, limit_s) {
      if (quiet) return () => {}
      const show = (text: string) => {
        if (!live) out.write(`${text}\n`)
        else if (ticker === null) {
          out.write(`\r\x1b[K${text}`)
          stepping = true
        } else note = text
      }
      const end = showWait(
        { what: typeof what === 'string' ? () => what : what, limit_s },
        live,
        show,
      )
      return () => {
        end()
        if (ticker !== null) note = ''
        else if (stepping) out.write('\r\x1b[K')
        stepping = false
      }
    },
    runEnds() {
      finished.push((performance.now() - runStarted) / 1000)
      if (ticker) clearInterval(ticker)
      ticker = null
      bar?.stop()
      phase = null
    },
  }
}

function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`
}
