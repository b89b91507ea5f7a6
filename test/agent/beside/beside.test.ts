import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BesideOptions, openBeside } from '../../../agent/beside/beside.ts'
import { createClock } from '../../../agent/clock.ts'
import { type BesideEvent, besideEventSchema } from '../../../analysis/schema/beside.ts'
import type { Device } from '../../../analysis/schema/device.ts'
import { writeFakeTools } from './fake-tools.ts'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-beside-'))
  writeFakeTools(join(dir, 'packages'))
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true, force: true })
})

const GPU_A: Device = { device_id: 'GPU-A', kind: 'gpu', vendor: 'nvidia' }

/** Opens the tools beside a recording of which only the events are kept. */
async function open(
  how: { mode?: string; packages?: boolean | string } & Partial<BesideOptions>,
  work: (beside: Awaited<ReturnType<typeof openBeside>>) => Promise<void>,
) {
  const { mode = '', packages = true, ...options } = how
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '1')
  vi.stubEnv('PYTHONPATH', packages === true ? join(dir, 'packages') : packages || '')
  vi.stubEnv('FAKE_BESIDE', mode)
  const events: BesideEvent[] = []
  const said: string[] = []
  const stops: (() => Promise<void>)[] = []
  const clock = createClock()
  const started_ns = clock.now()
  try {
    await work(
      await openBeside({
        run: {
          clock,
          event: (code, detail) => {
            expect(code).toBe('beside')
            events.push(besideEventSchema.parse(detail))
          },
          atEnd: (stop) => stops.push(stop),
        },
        tools: ['zeus'],
        python: null,
        devices: [GPU_A],
        stateDir: join(dir, 'state'),
        say: (text) => said.push(text),
        ...options,
      }),
    )
  } finally {
    for (const stop of stops) await stop()
  }
  return { events, said, span: [started_ns, clock.now()] as const }
}
/** Where the Python is that the tools are started with. */
const python = () =>
  execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))
const measure = (beside: Awaited<ReturnType<typeof openBeside>>) =>
  beside
    .begin('measure')
    .then(() => pause(100))
    .then(() => beside.end('measure'))

describe('tools beside', () => {
  it('measure the GPUs of the run, by UUID whatever their order, on the run clock', async () => {
    const { events, span } = await open({ tools: ['zeus', 'codecarbon'] }, measure)
    const zeus = events.find((e) => e.tool === 'zeus')
    const carbon = events.find((e) => e.tool === 'codecarbon')
    expect(zeus).toMatchObject({ version: '0.16.0', window: 'measure', pue: null })
    // GPU-A is NVML's second, which draws 200 W.
    const [gpu, cpu] = zeus?.parts ?? []
    expect(gpu).toMatchObject({ component: 'gpu', index: 1, device_id: 'GPU-A', how: 'measured' })
    expect(gpu?.energy_j).toBeCloseTo(200 * (zeus?.seconds ?? 0), 6)
    expect(cpu).toMatchObject({ component: 'cpu', index: 0, device_id: null })
    const stamps = [...(zeus?.begin_t_ns ?? []), ...(zeus?.end_t_ns ?? [])]
    expect(stamps).toEqual([...stamps].sort((a, b) => a - b))
    expect(stamps[0]).toBeGreaterThan(span[0])
    expect(stamps[3]).toBeLessThan(span[1])
    // 200 W of IT, times its PUE
    const carbonGpu = carbon?.parts.find((p) => p.component === 'gpu')
    expect(carbonGpu?.energy_j).toBeCloseTo(300 * (carbon?.seconds ?? 0), 6)
    expect(carbon).toMatchObject({ version: '3.3.2', pue: 1.5 })
    expect(carbon?.parts.map((p) => [p.component, p.how])).toEqual([
      ['cpu', 'modelled'],
      ['dram', 'modelled'],
      ['gpu', 'measured'],
    ])
  })

  it('take windows within windows where the tool bears them', async () => {
    const { events } = await open({ tools: ['zeus', 'codecarbon'] }, async (beside) => {
      await beside.begin('measure')
      beside.mark('begin', 'window:1')
      beside.mark('begin', 'window:2')
      beside.mark('end', 'window:1')
      beside.mark('end', 'window:2')
      beside.mark('end', 'window:7')
      await beside.end('measure')
    })
    expect(events.map((e) => [e.tool, e.window, e.failure ?? null]).sort()).toEqual([
      ['codecarbon', 'measure', null],
      ['zeus', 'measure', null],
      ['zeus', 'window:1', null],
      ['zeus', 'window:2', null],
    ])
  })

  it('pass on what the tool warned of', async () => {
    const { events } = await open({ mode: 'zero' }, measure)
    expect(events[0]?.parts[0]?.energy_j).toBe(0)
    expect(events[0]?.notes).toEqual([
      'The energy consumption of one or more GPUs was measured as zero.',
    ])
  })

  it('that are not installed are told with the remedy, and the run goes on', async () => {
    const { events, said } = await open({ packages: false, devices: [] }, measure)
    const failure = `Zeus is not installed for ${python()}; ${python()} -m pip install zeus adds it, or sensors.beside_python names the Python that has it.`
    expect(events).toEqual([
      { tool: 'zeus', version: null, window: 'measure', failure, parts: [], notes: [] },
    ])
    expect(said).toEqual([`${failure} The run goes on without it.`])
  })

  it('that lack a module are told with the package that has it, for the Python that was asked', async () => {
    const packages = join(dir, 'without-pynvml')
    writeFakeTools(packages)
    rmSync(join(packages, 'pynvml.py'))
    vi.stubEnv('PYTHONNOUSERSITE', '1')
    const { said } = await open({ tools: ['codecarbon'], packages }, measure)
    expect(said).toEqual([
      `CodeCarbon needs the module pynvml, which ${python()} does not have; ${python()} -m pip install nvidia-ml-py adds it, or sensors.beside_python names the Python that has it. The run goes on without it.`,
    ])
  })

  it('without a Python are told so, with the remedy', async () => {
    const { said } = await open({ python: '/no/such/python' }, measure)
    expect(said).toEqual([
      "Zeus: /no/such/python can't be started: there is no such program; install Python 3, or write under sensors.beside_python where it is. The run goes on without it.",
    ])
  })

  it('that do not see the GPU are told so', async () => {
    const gpu = { ...GPU_A, device_id: 'GPU-C' }
    const { events } = await open({ devices: [gpu] }, measure)
    expect(events[0]?.failure).toBe('Zeus: pynvml does not show GPU-C.')
  })

  it('that crash, hang or never begin are ended, told once and asked no more', async () => {
    const limits = { open_ms: 20_000, answer_ms: 500 }
    const crashed = await open({ mode: 'crash', limits }, async (beside) => {
      await measure(beside)
      await measure(beside)
    })
    expect(crashed.events.map((e) => e.failure)).toEqual([
      // and the last line of its log
      'Zeus ended (exit code 3). zeus says hello on stdout.',
    ])
    const hung = await open({ mode: 'hang', limits }, measure)
    expect(hung.events[0]).toMatchObject({
      version: '0.16.0',
      failure: 'Zeus has not answered for 0.5 s, so it is ended.',
    })
    const silent = await open({ mode: 'silent', limits: { ...limits, open_ms: 500 } }, measure)
    expect(silent.events[0]?.failure).toContain('has not answered')
  })

  it('of other makers are asked for all that they find', async () => {
    const amd = { device_id: '24ff74b5-0000-1000-80c1-d1a39d6bb5f2', kind: 'gpu', vendor: 'amd' }
    const { events } = await open({ devices: [amd] }, measure)
    expect(events[0]?.parts.filter((p) => p.component === 'gpu')).toMatchObject([
      { index: 0, device_id: null },
      { index: 1, device_id: null },
    ])
  })
})
