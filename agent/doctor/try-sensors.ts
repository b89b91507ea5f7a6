import { setTimeout as sleep } from 'node:timers/promises'
import type { Sensor } from '../sensors/sensor.ts'
import { isCounter, type SensorWatch, type Watched, watchSensor } from './watch-sensor.ts'

/** How long sensors are read: several refreshes of the slowest local one. */
const TRIED_S = 2
/** A counter may move each millisecond, which a timer can't follow: it is read without a pause for so long. */
const SPIN_MS = 30
/** Longer where other work took the processor meanwhile, and shorter where so many of its periods are known. */
const SPIN_KNOWN = 12
const SPIN_MOST_MS = 100
/** What the driver records itself is asked for so often: reading it oftener shows no more. Of a counter it would. */
const RING_MS = 25
/** A meter on the network that has not answered by then is left. */
const LATE_S = 5

/**
 * Reads every sensor again and again, some seconds in all: those that answer at once together, then those that answer
 * later, the slow calls of drivers one after another, since side by side they would wait for each other.
 * @param hrtime monotonic time, ns
 * @returns in the order of the sensors
 */
export async function trySensors(
  sensors: readonly Sensor[],
  hrtime: () => bigint = () => process.hrtime.bigint(),
  seconds = TRIED_S,
): Promise<readonly Watched[]> {
  const watches = sensors.map((sensor) => watchSensor(sensor, hrtime))
  const later: SensorWatch[] = []
  const atOnce: SensorWatch[] = []
  for (const watch of watches) {
    const answer = watch.read()
    ;(answer instanceof Promise ? later : atOnce).push(watch)
    // What answers late must not be asked again before it has.
    if (answer instanceof Promise) await atMost(LATE_S, answer)
  }
  const within = (s: number) => {
    const end = hrtime() + BigInt(Math.round(s * 1e9))
    return () => hrtime() < end
  }

  for (const watch of atOnce) if (isCounter(watch.sensor)) spin(watch, hrtime)
  const isRing = ({ sensor }: SensorWatch) => sensor.cadence === 'ring' && !isCounter(sensor)
  const rings = atOnce.filter(isRing)
  const gauges = atOnce.filter((w) => !isRing(w))
  let nextRing = 0n
  for (const on = within(seconds); on(); await sleep(1)) {
    for (const watch of gauges) watch.read()
    if (hrtime() < nextRing) continue
    for (const watch of rings) watch.read()
    nextRing = hrtime() + BigInt(RING_MS * 1e6)
  }

  const on = within(later.length === 0 ? 0 : seconds)
  const edges = later.filter((w) => w.sensor.cadence === 'edge')
  const byTurns = async () => {
    // One whose answer is there already must still let the others and the clock go on.
    for (let i = 0; edges.length > 0 && on(); i++, await sleep(1))
      await edges[i % edges.length]?.read()
  }
  const alone = async (watch: SensorWatch) => {
    while (on()) {
      await watch.read()
      await sleep(1)
    }
  }
  const others = later.filter((w) => w.sensor.cadence !== 'edge')
  await atMost(seconds + LATE_S, Promise.all([byTurns(), ...others.map(alone)]))
  return watches.map((watch) => watch.result())
}

/** Reads without a pause for as long as it takes to see how fast a counter moves: a slower one a timer can follow. */
function spin(watch: SensorWatch, hrtime: () => bigint): void {
  const { dense } = watch.seen()
  const start = hrtime()
  const ms = (from: bigint, to: bigint) => Number(to - from) / 1e6
  let read_ms = 0
  for (let last = start; ms(start, last) < SPIN_MOST_MS && read_ms < SPIN_MS; ) {
    watch.read()
    if (watch.seen().dense - dense >= SPIN_KNOWN) return
    const now = hrtime()
    read_ms += Math.min(ms(last, now), 1)
    last = now
  }
}

/** Waits for the work, and no longer than so many seconds. */
async function atMost(seconds: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController()
  const late = sleep(seconds * 1000, undefined, { signal: done.signal }).catch(() => {})
  await Promise.race([work, late])
  done.abort()
}
