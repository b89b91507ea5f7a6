import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createClock } from '../../agent/clock.ts'
import { openSamplerThread, type SamplerThread } from '../../agent/sampler-thread.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { buildFakeNvml, steerFakeNvml, writeScript } from '../support/fake-nvml/fake-nvml.ts'
import { hostAt } from './sensors/host-at.ts'
import { uuid } from './sensors/nvml-host.ts'

let dir: string
let library: string
const open: SamplerThread[] = []

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-thread-'))
  library = buildFakeNvml(dir)
})
afterEach(async () => {
  for (const thread of open.splice(0)) await thread.close()
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function threadOn(
  nvmlPath: string,
  how: { readonly path?: string; readonly limit_ms?: number } = {},
) {
  const clock = createClock()
  const thread = await openSamplerThread(hostAt({ clock, nvmlPath }), ['nvml'], how)
  open.push(thread)
  const rows: SampleRow[] = []
  const events: [string, unknown][] = []
  const anchors: { t_ns: number; wall_unix_ns: string }[] = []
  const sampler = thread.sampler({
    interval_ms: 50,
    sink: (some) => rows.push(...some),
    onEvent: (code, detail) => events.push([code, detail]),
    onAnchor: (anchor) => anchors.push(anchor),
  })
  return { thread, sampler, rows, events, anchors, clock }
}

/** A thread that is scripted in place of ours, to end as no driver can be made to end. */
function scripted(source: string): string {
  const path = join(mkdtempSync(join(dir, 'worker-')), 'worker.mjs')
  const head = `import { parentPort } from 'node:worker_threads'
const opened = { devices: [], sensors: [], missing: [], environment: {} }
`
  writeFileSync(path, head + source)
  return path
}

describe('sampling in a thread of its own', () => {
  it('tells what it found, and the agent itself as a sensor', async () => {
    const { thread } = await threadOn(library)
    expect(thread.devices.map((d) => d.device_id)).toEqual([uuid()])
    const sources = new Set(thread.sensors.map((s) => s.source))
    for (const source of ['nvml_power_ring', 'nvml_energy', 'nvml', 'agent_process'])
      expect(sources).toContain(source)
    expect(thread.environment).toHaveProperty('nvml')
    expect(await thread.devicesOfProcess(process.pid)).toEqual([])
  })

  it('hands on every row before the edge that it was read for is over', async () => {
    const { sampler, rows, events, anchors, clock } = await threadOn(library)
    const before = clock.now()
    await sampler.start()
    expect(rows.filter((r) => r.metric === 'gpu_energy_mj')).toHaveLength(1)
    await sleep(300)
    await sampler.edge()
    expect(rows.filter((r) => r.metric === 'gpu_energy_mj')).toHaveLength(2)
    await sampler.stop()
    const counters = rows.filter((r) => r.metric === 'gpu_energy_mj')
    expect(counters).toHaveLength(3)
    // Stamped on the run's own clock, whose zero the thread was given.
    const after = clock.now()
    for (const { t_ns } of counters) {
      expect(t_ns).toBeGreaterThan(before)
      expect(t_ns).toBeLessThan(after)
    }
    expect(rows.filter((r) => r.metric === 'gpu_power_mw').every((r) => r.value === 300_000)).toBe(
      true,
    )
    expect(anchors).toHaveLength(2)
    const wall_ms = Number(BigInt(anchors[0]?.wall_unix_ns ?? 0) / 1_000_000n)
    expect(Math.abs(wall_ms - Date.now())).toBeLessThan(10_000)
    const [code, cost] = events.at(-1) as [string, { cpu_s: number; rows: number; cpu_of: string }]
    expect(code).toBe('sampler_cost')
    expect(cost.rows).toBe(rows.length)
    expect(cost.cpu_s).toBeGreaterThan(0)
    if (process.platform === 'linux') expect(cost.cpu_of).toBe('thread')
  })

  it('records what the agent takes of a core', async () => {
    const { sampler, rows } = await threadOn(library)
    await sampler.start()
    await sleep(600)
    await sampler.edge()
    await sampler.stop()
    const shares = rows.filter((r) => r.metric === 'agent_cpu_pct')
    const whole = shares.filter((r) => r.sensor_id === 'agent:agent_process').map((r) => r.t_ns)
    expect(whole.length).toBeGreaterThan(0)
    // Edges that follow one another closely give no share.
    for (const [i, t] of whole.slice(1).entries())
      expect(t - (whole[i] as number)).toBeGreaterThanOrEqual(0.5e9)
    for (const { value } of shares) expect(value).toBeGreaterThanOrEqual(0)
  })

  it('does not hold up the main thread while a driver takes its time, and other GPUs are read on', async () => {
    // GPU 1 takes 200 ms for each temperature; GPU 0 answers at once.
    const slow = buildFakeNvml(dir)
    const driver = steerFakeNvml(slow)
    driver.load(
      writeScript(dir, [
        [0, 1, 'delay:nvmlDeviceGetTemperatureV', 200_000],
        [0, 1, 'delay:nvmlDeviceGetTemperature', 200_000],
      ]),
      2,
    )
    const { sampler, rows } = await threadOn(slow)
    await sampler.start()
    const from = rows.length
    const turns: number[] = []
    const until = performance.now() + 1200
    let last = performance.now()
    while (performance.now() < until) {
      await sleep(5)
      const now = performance.now()
      turns.push(now - last)
      last = now
    }
    await sampler.stop()
    const read = rows.slice(from).filter((r) => r.metric === 'gpu_temperature_c')
    const seen = (gpu: number) => read.filter((r) => r.device_id === uuid(gpu)).length
    expect(seen(0)).toBeGreaterThan(2)
    expect(seen(1)).toBeGreaterThan(2)
    // Each call took 200 ms. Half of the main thread's turns must be far shorter, however busy the machine is.
    turns.sort((a, b) => a - b)
    expect(turns[turns.length >> 1]).toBeLessThan(100)
    // 1.2 s of turns of 5 ms: in the main thread at most six would have fitted between calls of 200 ms.
    expect(turns.length).toBeGreaterThan(20)
  })

  it('leaves no thread behind', async () => {
    const before = process.getActiveResourcesInfo().filter((r) => r === 'MessagePort').length
    const { thread, sampler } = await threadOn(library)
    await sampler.start()
    await thread.close()
    open.splice(0)
    const after = process.getActiveResourcesInfo().filter((r) => r === 'MessagePort').length
    expect(after).toBe(before)
    // Nothing waits for a thread that is gone.
    await sampler.edge()
    expect(await thread.devicesOfProcess(1)).toBeNull()
  })

  it('loads the driver that this process has loaded too, and leaves it to it', async () => {
    const driver = steerFakeNvml(library)
    const { thread } = await threadOn(library)
    await thread.close()
    open.splice(0)
    driver.load(null, 2)
    const again = await threadOn(library)
    expect(again.thread.devices).toHaveLength(2)
  })
})

describe('a driver that does not answer', () => {
  it('is not waited for without end, and the run learns of it', async () => {
    const path = scripted(`parentPort.postMessage({ say: 'opened', opened })
parentPort.on('message', ({ id, ask }) => {
  if (ask === 'edge' || ask === 'close') while (true);
  parentPort.postMessage({ say: 'answer', id, value: null })
})`)
    const { thread, sampler, events } = await threadOn(library, { path, limit_ms: 100 })
    await sampler.start()
    await sampler.edge()
    await thread.close()
    open.splice(0)
    expect(events.map(([code, detail]) => [code, (detail as { asked: string }).asked])).toEqual([
      ['sampler_stalled', 'edge'],
      ['sampler_stalled', 'close'],
    ])
  })
})

describe('a driver that hangs as it is opened', () => {
  it('is told in a sentence, and not waited for without end', async () => {
    const path = scripted('parentPort.on("message", () => {})')
    const opening = openSamplerThread(hostAt({ clock: createClock() }), null, {
      path,
      open_limit_ms: 100,
    })
    await expect(opening).rejects.toThrow('could not be opened within 0.1 s')
  })
})

describe('a sampling thread that dies', () => {
  it('fails the run with a sentence, and lets what waits for it go on', async () => {
    const path = scripted(`parentPort.postMessage({ say: 'opened', opened })
parentPort.on('message', () => { throw new Error('the driver gave nonsense') })`)
    const { thread, sampler } = await threadOn(library, { path })
    await sampler.start()
    const error = await thread.failed
    expect(error.message).toMatch(/ended by itself \(the driver gave nonsense\).*is kept/)
    await sampler.edge()
    await sampler.stop()
  })

  it('is an error already where it dies while opening', async () => {
    const path = scripted(`throw new Error('no such luck')`)
    await expect(threadOn(library, { path })).rejects.toThrow('no such luck')
  })

  it('is told too where it only ends', async () => {
    const path = scripted(`parentPort.postMessage({ say: 'opened', opened })
setTimeout(() => process.exit(7), 20)`)
    const { thread } = await threadOn(library, { path })
    expect((await thread.failed).message).toContain('(code 7)')
  })
})
