import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import { writeFakeTools } from '../agent/beside/fake-tools.ts'
import { buildFakeNvml } from '../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'

const GPU = 'GPU-00000000-0000-4000-8000-000000000000'

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

describe('a measurement beside other tools', () => {
  it('shows their figures of the same window, and why one of them has none', async () => {
    writeFakeTools(join(home.dir, 'packages'))
    Object.assign(home.env, {
      LLEM_NVML_PATH: buildFakeNvml(home.dir),
      LLEM_SYSFS_ROOT: join(home.dir, 'no-sysfs'),
      PYTHONPATH: join(home.dir, 'packages'),
      FAKE_UUIDS: GPU,
    })
    rmSync(join(home.dir, 'packages/codecarbon'), { recursive: true })
    const ended = await run(
      AGENT,
      [
        ...['measure', '--baseline', '0.2', '--set', 'phases.cooldown_s=0.3'],
        ...['--set', 'sensors.beside=[zeus, codecarbon]', '--out', 'out', '--json'],
        ...['--', 'sleep', '1.5'],
      ],
      home,
    )
    const summary: Summary = summarySchema.parse(
      (JSON.parse(ended.stdout) as { runs: unknown[] }).runs[0],
    )
    const of = (tool: string) => summary.beside?.find((b) => b.tool === tool)
    expect(of('codecarbon')?.failure).toContain('python3 -m pip install codecarbon')
    const gpu = of('zeus')?.compared.find((c) => c.component === 'gpu')
    // The fake driver's GPU draws 300 W, the fake Zeus says 100 W.
    expect(gpu?.device_ids).toEqual([GPU])
    expect(gpu?.ours_j).toBeCloseTo(300 * (of('zeus')?.ours_s ?? 0), -1)
    expect(gpu?.theirs_j).toBeCloseTo(100 * (of('zeus')?.seconds ?? 0), 6)
    expect(gpu?.unexplained_j).toBeLessThan(-100)
    const report = readFileSync(join(home.dir, 'out/report.html'), 'utf8')
    expect(report).toContain('Why Zeus 0.16.0 differs')
    expect(report).toMatch(/CodeCarbon is not installed for \S*\/python3/)
  })
})
