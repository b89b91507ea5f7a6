import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { summarySchema } from '../../analysis/schema/summary.ts'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'
import { ROOT } from '../support/root.ts'

const IDLE_W = 20
const BUSY_W = 60

let home: Home
let counting: NodeJS.Timeout

beforeEach(() => {
  home = makeHome()
  const zone = join(home.dir, 'sys/class/powercap/intel-rapl:0')
  mkdirSync(zone, { recursive: true })
  writeFileSync(join(zone, 'name'), 'package-0\n')
  writeFileSync(join(zone, 'max_energy_range_uj'), '262143328850\n')
  // A processor that draws more while there is a file `busy`: its counter rises every few milliseconds.
  const counter = join(zone, 'energy_uj')
  let joules = 0
  let last = performance.now()
  const count = () => {
    const now = performance.now()
    joules += ((existsSync(join(home.dir, 'busy')) ? BUSY_W : IDLE_W) * (now - last)) / 1000
    last = now
    // In place and of one length: the agent keeps the file open and must not read half a number.
    const text = `${Math.round(joules * 1e6)}`.padStart(12, '0')
    writeFileSync(counter, `${text}\n`, { flag: existsSync(counter) ? 'r+' : 'w' })
  }
  count()
  counting = setInterval(count, 3)
})
afterEach(() => {
  clearInterval(counting)
  home.remove()
})

const PROGRAM = `
import os, time
from llem_windows import window
time.sleep(0.3)
for _ in range(3):
    with window("work"):
        open("busy", "w").close()
        time.sleep(0.5)
        os.remove("busy")
    time.sleep(0.37)
`

describe('a program on a processor with RAPL, measured', () => {
  // A counter that stands still for 20 ms has stalled: a busy machine may not let this one rise in time.
  it('has the joules of windows shorter than the time between two readings', {
    retry: 2,
  }, async () => {
    const ended = await run(
      AGENT,
      [
        'measure',
        '--windows',
        'w.sock',
        '--json',
        '--set',
        'sensors.only=[rapl]',
        '--',
        'python3',
        '-c',
        PROGRAM,
      ],
      {
        ...home,
        env: {
          ...home.env,
          LLEM_SYSFS_ROOT: join(home.dir, 'sys'),
          PYTHONPATH: join(ROOT, 'clients/python'),
          PYTHONDONTWRITEBYTECODE: '1',
        },
      },
    )
    expect(ended.stdout, ended.stderr).toContain('"runs"')
    const summary = summarySchema.parse(JSON.parse(ended.stdout).runs[0])
    expect(summary.metrics['energy_compute_j']).toMatchObject({ provenance: 'rapl' })
    const [work] = summary.windows
    expect(work).toMatchObject({ name: 'work', n: 3 })
    const truth = BUSY_W * (work?.duration_s ?? 0)
    const found = work?.metrics['energy_compute_j']?.value ?? Number.NaN
    // Readings a second apart would mix in what lies between the windows, at a third of the power.
    expect(found / truth).toBeGreaterThan(0.9)
    expect(found / truth).toBeLessThan(1.1)
  })
})
