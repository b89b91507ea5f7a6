import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { cpuEstimate } from '../../../agent/sensors/cpu-estimate.ts'
import { ratedPower } from '../../../agent/sensors/cpu-rated-power.ts'

let proc: string

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'llem-proc-'))
})
afterEach(() => rmSync(proc, { recursive: true, force: true }))

/** user nice system idle iowait irq softirq steal guest */
const stat = (...ticks: number[]) =>
  writeFileSync(join(proc, 'stat'), `cpu  ${ticks.join(' ')}\ncpu0 1 2 3\n`)

const open = () =>
  cpuEstimate.open({ clock: createClock(), sysfsRoot: proc, procRoot: proc, nvmlPath: null })

describe('the estimate of CPU power', () => {
  it('is idle watts plus the busy share of the rest', async () => {
    stat(100, 0, 0, 900, 0, 0, 0, 0, 0)
    const source = await open()
    // 30 of 100 new ticks are busy (user 20, system 5, softirq 3, steal 2); iowait is idle.
    stat(120, 0, 5, 960, 10, 0, 3, 2, 7)
    const rows = await source.sensors[0]?.read()
    const { tdp_w, idle_w } = source.environment['cpu_estimate'] as {
      tdp_w: number
      idle_w: number
    }
    expect(rows).toMatchObject([
      { metric: 'cpu_power_mw', value: Math.round((idle_w + 0.3 * (tdp_w - idle_w)) * 1000) },
      { metric: 'cpu_utilisation_pct', value: 30 },
    ])
  })

  it('says that it is an assumption of 40 %', async () => {
    stat(1, 0, 0, 1, 0, 0, 0, 0)
    const source = await open()
    expect(source.sensors[0]?.row).toMatchObject({
      source: 'cpu_estimate',
      accuracy: { gain_rel: 0.4, basis: 'assumed' },
    })
  })

  it('waits for the next tick instead of dividing by no time', async () => {
    stat(1, 0, 0, 1, 0, 0, 0, 0)
    const source = await open()
    expect(await source.sensors[0]?.read()).toEqual([])
  })

  it('is null with a reason when the counters are gone, and works again when they are back', async () => {
    stat(1, 0, 0, 1, 0, 0, 0, 0)
    const source = await open()
    rmSync(join(proc, 'stat'))
    expect(await source.sensors[0]?.read()).toMatchObject([{ value: null, reason: 'lost' }, {}])
    stat(11, 0, 0, 11, 0, 0, 0, 0)
    expect(await source.sensors[0]?.read()).toMatchObject([{ reason: null }, { value: 50 }])
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
})
