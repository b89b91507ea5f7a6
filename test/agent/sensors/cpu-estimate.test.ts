import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { cpuEstimate } from '../../../agent/sensors/cpu-estimate.ts'
import { ratedPower } from '../../../agent/sensors/cpu-rated-power.ts'
import { type HandClocks, handClocks } from '../../support/hand-time.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

let proc: string
let hand: HandClocks

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'llem-proc-'))
  hand = handClocks()
})
afterEach(() => rmSync(proc, { recursive: true, force: true }))

/** user nice system idle iowait irq softirq steal guest */
const stat = (...ticks: number[]) =>
  writeFileSync(join(proc, 'stat'), `cpu  ${ticks.join(' ')}\ncpu0 1 2 3\n`)

/** Opens the estimate on counters that stand at 100 busy of 1000 ticks. */
async function open() {
  stat(100, 0, 0, 900, 0, 0, 0, 0, 0)
  const clock = createClock(hand.time)
  const source = await cpuEstimate.open(hostAt({ clock, sysfsRoot: proc, procRoot: proc }))
  const { tdp_w, idle_w } = source.environment['cpu_estimate'] as { tdp_w: number; idle_w: number }
  const read = async () => (await Promise.all(source.sensors.map((s) => s.read()))).flat()
  return { source, clock, read, tdp_w, idle_w }
}

describeSource({
  name: 'cpu_estimate',
  async present() {
    const { source, clock } = await open()
    let reads = 0
    let lost = false
    return {
      source,
      clock,
      pass() {
        reads++
        if (lost) rmSync(join(proc, 'stat'), { force: true })
        else stat(100 + 3 * reads, 0, 0, 900 + 7 * reads)
        hand.pass(100)
      },
      lose() {
        lost = true
      },
    }
  },
})

describe('the estimate of CPU power', () => {
  it('is idle watts plus the busy share of the rest', async () => {
    const { read, tdp_w, idle_w } = await open()
    // 30 of 100 new ticks are busy (user 20, system 5, softirq 3, steal 2); iowait is idle.
    stat(120, 0, 5, 960, 10, 0, 3, 2, 7)
    hand.pass(100)
    expect(await read()).toMatchObject([
      { metric: 'cpu_power_mw', value: Math.round((idle_w + 0.3 * (tdp_w - idle_w)) * 1000) },
      { metric: 'cpu_utilisation_pct', value: 30 },
    ])
  })

  it('says that it is an assumption of 40 %', async () => {
    const { source } = await open()
    expect(source.sensors[0]?.row).toMatchObject({
      source: 'cpu_estimate',
      accuracy: { gain_rel: 0.4, basis: 'assumed' },
    })
  })

  it('covers a span that is too short to tell with its next reading', async () => {
    const { read } = await open()
    stat(101, 0, 0, 900)
    hand.pass(3)
    expect(await read()).toEqual([]) // one tick in 3 ms would be 100 %
    stat(110, 0, 0, 910)
    hand.pass(97)
    expect(await read()).toMatchObject([{}, { value: 50 }]) // 10 busy, 10 idle
    expect(await read()).toEqual([])
  })

  it('waits for the next tick instead of dividing by no time', async () => {
    const { read } = await open()
    hand.pass(100)
    expect(await read()).toEqual([])
  })

  it('keeps to 0 to 100 % where the kernel steps a counter back', async () => {
    const { read } = await open()
    stat(90, 0, 0, 1000)
    hand.pass(100)
    expect(await read()).toMatchObject([{}, { value: 0 }])
  })

  it('is null with a reason when the counters are gone, and works again when they are back', async () => {
    const { read } = await open()
    rmSync(join(proc, 'stat'))
    hand.pass(100)
    expect(await read()).toMatchObject([
      { value: null, reason: 'lost' },
      { value: null, reason: 'lost' },
    ])
    stat(110, 0, 0, 910)
    hand.pass(100)
    expect(await read()).toMatchObject([{ reason: null }, { value: 50 }])
  })

  it.runIf(process.platform === 'linux')('is null for a file that is no /proc/stat', async () => {
    const { read } = await open()
    writeFileSync(join(proc, 'stat'), 'cpu \nnothing')
    hand.pass(100)
    expect(await read()).toMatchObject([{ reason: 'lost' }, { reason: 'lost' }])
  })
})

describe('rated power', () => {
  it('grows with the threads that the system shows', () => {
    expect(ratedPower('AMD EPYC 9R14', 2).tdp_w).toBeCloseTo(4.4) // 2.2 W a thread
    expect(ratedPower('AMD EPYC 9R14', 128).tdp_w).toBeCloseTo(281.6)
  })

  it('knows nothing of an unknown processor and says so', () => {
    expect(ratedPower('Foo 9000', 4).basis).toContain('unknown')
  })

  it.each([
    ['Intel(R) Xeon(R) Platinum 8480+', 3.3],
    ['13th Gen Intel(R) Core(TM) i7-1365U', 1.9],
    ['12th Gen Intel(R) Core(TM) i9-12900H', 2.8],
    ['13th Gen Intel(R) Core(TM) i9-13900K', 5.2],
    ['AMD Ryzen 7 7840U w/ Radeon 780M Graphics', 1.9],
    ['AMD Ryzen 9 7950X 16-Core Processor', 6.5],
    ['Apple M2 Pro', 3],
  ])('%s counts %f W a thread', (model, watts) => {
    expect(ratedPower(model, 1).tdp_w).toBe(watts)
  })
})
