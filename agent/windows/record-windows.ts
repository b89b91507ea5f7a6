import { METER_SOURCES } from '../../analysis/schema/meter.ts'
import type { Beside } from '../beside/beside.ts'
import type { Recording } from '../recording.ts'
import type { WindowServer } from './window-server.ts'

/** Counters that are read once a second otherwise are read at a window's edges too, but not more often than this. */
const EDGE_APART_NS = 20e6
/** A BMC or a plug takes its time and is not asked more often for a program's marks. */
const METERS: readonly string[] = METER_SOURCES

/**
 * Records what programs mark as events of the run, and reads the processor's counters then. A GPU's own ring has a finer
 * time than any reading of ours, and its counter takes milliseconds: there nothing more is read.
 */
export function recordWindows(
  windows: WindowServer,
  run: Recording,
  beside: Pick<Beside, 'mark'>,
  say: (text: string) => void,
): void {
  const { clock, recorder, draft } = run
  const { devices, sensors } = run.sensors
  const atMarks =
    devices.every((d) => d.kind !== 'gpu') &&
    sensors.some((s) => s.source === 'rapl') &&
    sensors.every((s) => !METERS.includes(s.source))
  let lastEdge_ns = 0
  let reading = false
  let told = false
  windows.recordTo({
    clock,
    onWindow({ t_ns, code, detail }) {
      recorder.add(draft.processes.load, 'event', { t_ns, code, detail: JSON.stringify(detail) })
      beside.mark(code === 'window_begin' ? 'begin' : 'end', `window:${detail['id']}`)
      if (!atMarks || reading || clock.now() - lastEdge_ns < EDGE_APART_NS) return
      lastEdge_ns = clock.now()
      reading = true
      void run.edge().finally(() => {
        reading = false
      })
    },
    onError(problem, line) {
      run.event('window_error', { problem, line })
      if (!told) say(`A line on ${windows.path} ${problem}. The next ones are only recorded.`)
      told = true
    },
  })
  run.atEnd(async () => {
    const received = await windows.close()
    run.event('windows_received', received)
    if (received.open > 0)
      say(
        `${received.open} of ${received.windows} windows were not ended; they count to the end of the program.`,
      )
    if (received.errors > 1)
      say(
        `${received.errors} lines on ${windows.path} were wrong, wholly or in part; see events window_error.`,
      )
  })
}
