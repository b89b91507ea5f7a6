import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import { buildFakeNvml, writeScript } from '../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run, SERVER, start } from '../support/programs.ts'
import { ROOT } from '../support/root.ts'

const WATTS = 300
const ENGINE = join(ROOT, 'test/support/openai-server.mjs')

let dir: string
let library: string
const homes: Home[] = []
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-source-fails-'))
  library = buildFakeNvml(dir)
})
afterAll(() => {
  for (const home of homes) home.remove()
  rmSync(dir, { recursive: true, force: true })
})

/** A home on a GPU of 300 W, some of whose driver's functions fail from the moment when `fails` is written. */
function homeOf(): Home & { readonly fails: string } {
  const fails = join(mkdtempSync(join(dir, 'home-')), 'fails')
  const home = makeHome({
    LLEM_NVML_PATH: library,
    FAKE_NVML_SCRIPT: writeScript(dir, [[0, 0, 'power_mw', WATTS * 1000]]),
    FAKE_NVML_FAIL_FILE: fails,
  })
  homes.push(home)
  return { ...home, fails }
}

/** What the spool holds of the run under way. */
const spooled = (home: Home): readonly string[] => {
  const spool = join(home.dir, 'state/llem/spool')
  return existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' }).map((p) => join(spool, p))
    : []
}
const chunks = (home: Home, stream: string): number =>
  spooled(home).filter((p) => p.includes(`/${stream}/`) && p.endsWith('.arrow')).length
/** Whether phase measure has begun: run.json is written when a phase begins. */
const isMeasuring = (home: Home): boolean =>
  spooled(home)
    .filter((p) => p.endsWith('/run.json'))
    .flatMap((p) => JSON.parse(readFileSync(p, 'utf8')).run.phases as { phase: string }[])
    .some((p) => p.phase === 'measure')
const until = async (what: () => boolean): Promise<void> => {
  while (!what()) await new Promise((r) => setTimeout(r, 5))
}

/** A load of so many seconds on the GPU, counted from the first request to the last token. */
function study(home: Home, duration_s: number): string {
  const path = join(home.dir, 'study.json')
  const config = {
    model: 'double',
    devices: [0],
    engine: {
      name: 'openai',
      launcher: 'command',
      command: [process.execPath, ENGINE, '--port', '{port}'],
      base_url: 'http://127.0.0.1:{port}/v1',
    },
    load: { concurrency: 2, duration_s },
    data: { input_tokens: 8, output_tokens: 8 },
    phases: { window: 'run', baseline_s: 0, idle_s: 0, warmup: 0, drain_s: 1, cooldown_s: 0.5 },
  }
  writeFileSync(path, JSON.stringify(config))
  return path
}

const joules = (summary: Summary) => summary.metrics['energy_compute_j']
const perSecond = (summary: Summary) =>
  (joules(summary)?.value ?? Number.NaN) / (summary.window?.duration_s ?? Number.NaN)

describe('a ring that fails in the middle of a run', () => {
  it('leaves the joules of the whole window, by the polled power from then on', async () => {
    const home = homeOf()
    const { ended: ending } = start(AGENT, ['run', study(home, 12), '--json'], home)
    await until(() => isMeasuring(home))
    await new Promise((r) => setTimeout(r, 2000))
    writeFileSync(home.fails, 'nvmlDeviceGetSamples 3\n')
    const ended = await ending
    const summary = summarySchema.parse(JSON.parse(ended.stdout).runs[0])
    expect(joules(summary)?.reason, ended.stderr).toBe(null)
    expect(perSecond(summary) / WATTS).toBeCloseTo(1, 2)
    const changed = summary.findings.find((f) => f.code === 'source_changed')
    expect(changed).toMatchObject({ severity: 'info', evidence: { source: 'nvml_power_ring' } })
    const estimates = summary.devices.find((d) => d.used)?.estimates ?? []
    const spliced = estimates.find((e) => e.method === 'splice')
    expect(spliced).toMatchObject({ source: 'nvml_power_ring+nvml_power_instant', reason: null })
    expect((spliced?.energy_j ?? 0) / (joules(summary)?.value ?? 0)).toBeCloseTo(1, 2)
    expect(summary.findings.map((f) => f.code)).not.toContain('window_not_bracketed')
  })
})

describe('a killed agent', () => {
  it('has its joules up to the last reading after `ship`', async () => {
    const home = homeOf()
    const { child, ended } = start(AGENT, ['run', study(home, 60), '--json'], home)
    await until(() => isMeasuring(home))
    const [samples, requests] = [chunks(home, 'sample'), chunks(home, 'request')]
    await until(() => chunks(home, 'sample') > samples + 1 && chunks(home, 'request') > requests)
    // Right after requests were written: the ring, read once a second, is then older than they are.
    const written = chunks(home, 'request')
    await until(() => chunks(home, 'request') > written)
    child.kill('SIGKILL')
    await ended
    const shipped = await run(AGENT, ['ship', '--json'], home)
    expect(shipped.code, shipped.stderr).toBe(0)

    const shown = await run(SERVER, ['show', 'last', '--json', '--db', home.db], home)
    expect(shown.code, shown.stderr).toBe(0)
    const summary = summarySchema.parse(JSON.parse(shown.stdout))
    expect(summary.findings.map((f) => f.code)).toContain('run_interrupted')
    expect(summary.metrics['output_tokens']?.value).toBeGreaterThan(0)
    expect(joules(summary)?.reason).toBe(null)
    expect(perSecond(summary) / WATTS).toBeCloseTo(1, 2)
  })
})
