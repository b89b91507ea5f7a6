import type { RunData } from '../readings/run-data.ts'
import type { Device } from '../schema/device.ts'
import type { Summary } from '../schema/summary.ts'
import { relativeTime } from '../schema/time.ts'
import type { Timeline } from '../schema/timeline.ts'
import { NS_PER_S } from '../schema/units.ts'
import { timeline } from '../timeline.ts'
import type { PowerTable } from './power.ts'

/** As many as the palette tells apart; the engine's own come first. */
export const MOST_DEVICES = 8
/** Points of all devices together that a page can carry and a reader can see. */
const MOST_POINTS = 10_000
const MOST_COLUMNS = 800
/** First, lowest, highest and last reading of each column. */
const POINTS_PER_COLUMN = 4

/** The timeline of a run with as many columns as its number of devices lets a page carry. */
export function drawnTimeline(run: RunData): Timeline {
  const devices = Math.max(1, Math.min(MOST_DEVICES, run.devices.length))
  const columns = Math.floor(MOST_POINTS / POINTS_PER_COLUMN / devices)
  return timeline(run, Math.min(MOST_COLUMNS, columns))
}

/** Power, phases, window and requests in flight as rows; null where no device has a reading of power. */
export function powerTable(run: RunData, line: Timeline, summary: Summary): PowerTable | null {
  const used = new Set(summary.devices.filter((d) => d.used).map((d) => d.device_id))
  const rank = (id: string) => (used.has(id) ? 0 : 1)
  const series = line.power
    .filter((s) => s.t_s.length > 0)
    .sort((a, b) => rank(a.device_id) - rank(b.device_id))
  if (series.length === 0) return null
  const devices = new Map(run.devices.map((d) => [d.device_id, d]))
  return {
    power: series.slice(0, MOST_DEVICES).flatMap((s) => {
      const device = deviceName(devices.get(s.device_id), s.device_id)
      return s.t_s.map((t_s, i) => ({ t_s, power_w: s.power_w[i] as number, device }))
    }),
    devices: series.length,
    end_s: line.duration_s,
    phases: line.phases,
    marks: line.windows,
    window: windowSeconds(run, line, summary),
    in_flight: line.in_flight.t_s.map((t_s, i) => ({
      t_s,
      requests: line.in_flight.requests[i] as number,
    })),
  }
}

/** `GPU 0` where the device has an index, else its id. */
export function deviceName(device: Device | undefined, device_id: string): string {
  const numbered = device?.kind === 'gpu' && device.index != null
  return numbered ? `GPU ${device.index}` : device_id
}

function windowSeconds(
  run: RunData,
  line: Timeline,
  { window }: Summary,
): { start_s: number; end_s: number } | null {
  if (window === null) return null
  const zero = startOf(run, line)
  const seconds = (t: number | bigint) => (relativeTime(BigInt(t), run.origin_ns) - zero) / NS_PER_S
  return { start_s: seconds(window.start_t_ns), end_s: seconds(window.end_t_ns) }
}

/** The timeline's start on the run's clock. */
export const startOf = (run: RunData, line: Timeline): number =>
  relativeTime(BigInt(line.start_t_ns), run.origin_ns)
