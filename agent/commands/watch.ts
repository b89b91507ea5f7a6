import { setTimeout as sleep } from 'node:timers/promises'
import pc from 'picocolors'
import { createClock } from '../clock.ts'
import { useColour } from '../colour.ts'
import { openSamplerThread, type SamplerThread } from '../sampler-thread.ts'
import { hostOptions } from '../sensors/host-options.ts'
import { createLiveDevices, type LiveDevice } from '../watch/live-devices.ts'
import { logLine, tableLines } from '../watch/live-lines.ts'
import { openScreen } from '../watch/live-screen.ts'
import { readAddress, serveMetrics } from '../watch/metrics-server.ts'
import { prometheusText } from '../watch/prometheus.ts'
import type { ExitCode } from './run-options.ts'

export interface WatchOptions {
  readonly interval_s: number
  /** How often; null: until Ctrl-C. */
  readonly count: number | null
  /** `[HOST:]PORT` for /metrics; null: none. */
  readonly prometheus: string | null
  readonly json: boolean
}

/** Gauges are read twice an interval, so that each has one, and at least so often; a ring has its own time. */
const SLOWEST_GAUGE_MS = 500

/** `llem-agent watch`: what all devices draw now, until Ctrl-C. Locks nothing and stores nothing. */
export async function watchCommand(options: WatchOptions): Promise<ExitCode> {
  const address = options.prometheus === null ? null : readAddress(options.prometheus)
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // Those who scrape must not take from each other's means: they get what was shown last.
  let shown: readonly LiveDevice[] = []
  const server = address === null ? null : await serveMetrics(address, () => prometheusText(shown))
  if (server) process.stderr.write(`Prometheus: ${server.url}\n`)
  let failure: Error | null = null
  try {
    const clock = createClock()
    const sensors = await openSamplerThread(hostOptions(clock, process.env), null)
    const live = createLiveDevices(sensors.devices, sensors.sensors)
    shown = live.now()
    const show = showing(options, sensors, server !== null)
    const sampler = sensors.sampler({
      interval_ms: Math.min(SLOWEST_GAUGE_MS, options.interval_s * 500),
      sink: live.take,
      onEvent: () => {},
      onAnchor: () => {},
    })
    void sensors.failed.then((error) => {
      failure = error
      stop.abort()
    })
    try {
      await sampler.start()
      const start_ns = clock.now()
      for (let i = 0; options.count === null || i < options.count; i++) {
        const due_ns = start_ns + (i + 1) * options.interval_s * 1e9
        await sleep(Math.max(0, (due_ns - clock.now()) / 1e6), undefined, { signal: stop.signal })
        shown = live.now()
        show.devices(shown)
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    } finally {
      show.close()
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
      await sampler.stop()
      await sensors.close()
    }
  } finally {
    await server?.close()
  }
  if (failure !== null) throw failure
  return 0
}

interface Showing {
  devices(devices: readonly LiveDevice[]): void
  close(): void
}

/** A live screen on a terminal; elsewhere a line a device, or one JSON document an interval. */
function showing(options: WatchOptions, sensors: SamplerThread, served: boolean): Showing {
  const { stdout: out } = process
  const missing = sensors.missing.map((m) => `not read: ${m.source} (${m.reason}). ${m.fix}`)
  const close = () => {}
  if (options.json)
    return {
      devices: (devices) =>
        void out.write(`${JSON.stringify({ at: new Date().toISOString(), devices })}\n`),
      close,
    }
  if (out.isTTY === true) {
    const c = pc.createColors(useColour(out))
    const screen = openScreen(out)
    return {
      devices: (devices) =>
        screen.draw([
          c.dim(`${new Date().toLocaleTimeString()}  every ${options.interval_s} s  Ctrl-C ends`),
          '',
          ...tableLines(devices, c),
          '',
          ...missing.map((line) => c.dim(line.slice(0, out.columns ?? 80))),
        ]),
      close: screen.close,
    }
  }
  for (const line of missing) process.stderr.write(`${line}\n`)
  // Who scrapes has no use for a log as well.
  if (served) return { devices: () => {}, close }
  return {
    devices(devices) {
      const at = new Date().toISOString()
      for (const d of devices) out.write(`${logLine(d, at)}\n`)
    },
    close,
  }
}
