import { type RunData, runData } from '../../analysis/readings/run-data.ts'
import { type SampleTable, seriesOf } from '../../analysis/readings/sample-table.ts'
import { type RunFileInput, runFileSchema } from '../../analysis/schema/run.ts'
import type { RequestRow } from '../../analysis/schema/stream.ts'

export interface Simulation {
  readonly gpus?: number
  /** Power samples of each GPU in a second. */
  readonly hz?: number
  readonly measure_s?: number
  readonly requests?: number
  readonly concurrency?: number
  /** Output tokens of request i. */
  readonly tokens?: (i: number) => number
  /** Which requests fail: i modulo this. */
  readonly fail_every?: number
  readonly name?: string
}

/** A run as an agent would record it on a host with GPUs under closed load; every number follows from a seed. */
export function simulatedRun(how: Simulation = {}): RunData {
  const gpus = how.gpus ?? 1
  const hz = how.hz ?? 50
  const measure_s = how.measure_s ?? 60
  const random = lcg(7)
  const spans = {
    baseline: 5,
    load: 4,
    idle: 5,
    warmup: 6,
    measure: measure_s,
    drain: 2,
    cooldown: 3,
  }
  let at = 0
  const phases = Object.entries(spans).map(([phase, seconds]) => {
    const start = at
    at += seconds
    return { phase, start_t_ns: start * 1e9, end_t_ns: at * 1e9 }
  })
  const device_ids = Array.from({ length: gpus }, (_, i) => `GPU-${i}a2b3c4d-0000`)
  const name = how.name ?? 'simulated chat'
  const file: RunFileInput = {
    bundle_version: 1,
    run: {
      run_id: '0198f3a0-1c55-7d2e-9d0b-3f1de6c7a001',
      study_id: '0198f3a0-1c55-7d2e-9d0b-3f1de6c7a000',
      experiment: {
        name,
        model: { id: 'smollm2-135m', revision: null },
        engine: { name: 'openai', base_url: 'http://127.0.0.1:8000/v1' },
        load: { shape: 'closed', concurrency: how.concurrency ?? 8, requests: how.requests ?? 400 },
        data: { source: 'synthetic', input_tokens: 512, output_tokens: 128 },
        tags: { team: 'research' },
      },
      host: {
        hostname: 'node-17',
        os: 'Debian GNU/Linux 12',
        arch: 'x64',
        cpu_model: 'AMD EPYC 9554 64-Core Processor',
        cpu_cores: 64,
        memory_bytes: 540e9,
      },
      started_at: '2026-07-14T09:31:07.250Z',
      phases: phases as RunFileInput['run']['phases'],
      outcome: 'completed',
    },
    devices: device_ids.map((device_id, index) => ({
      device_id,
      kind: 'gpu',
      vendor: 'nvidia',
      model: 'NVIDIA H100 80GB HBM3',
      tdp_w: 700,
      power_limit_w: 700,
      memory_bytes: 85.9e9,
      index,
    })),
    processes: [
      {
        process_id: 'agent',
        role: 'agent',
        clock: [{ t_ns: 0, wall_unix_ns: '1784021467250000000', error_ns: 900 }],
      },
      { process_id: 'worker', role: 'worker', device_ids },
    ],
    sensors: device_ids.map((device_id) => ({
      sensor_id: `ring:${device_id}`,
      device_id,
      metric: 'gpu_power_mw',
      source: 'nvml_power_ring',
      scope: 'gpu',
      averaging_ms: 20,
      period_ms: 20,
    })),
    environment: { driver_version: '570.86.15', cuda: '12.8' },
  }
  const requests = requestRows(how, phases[4]?.start_t_ns ?? 0, measure_s, random)
  return runData(runFileSchema.parse(file), {
    samples: powerSamples(device_ids, hz, at, phases, random),
    requests,
    steps: [],
    engine: [],
    events: [],
  })
}

function powerSamples(
  device_ids: readonly string[],
  hz: number,
  seconds: number,
  phases: readonly { phase: string; start_t_ns: number }[],
  random: () => number,
): SampleTable {
  const each = Math.floor(seconds * hz)
  const length = each * device_ids.length
  const t_ns = new Float64Array(length)
  const value = new Float64Array(length)
  const device = new Int32Array(length)
  const watts: Record<string, number> = {
    baseline: 68,
    load: 120,
    idle: 117,
    warmup: 430,
    measure: 540,
    drain: 300,
    cooldown: 118,
  }
  let p = 0
  for (let k = 0; k < each; k++) {
    const t = ((k + 1) / hz) * 1e9
    while (p + 1 < phases.length && t >= (phases[p + 1]?.start_t_ns ?? 0)) p++
    const base = watts[phases[p]?.phase ?? ''] ?? 0
    for (let d = 0; d < device_ids.length; d++) {
      const i = k * device_ids.length + d
      t_ns[i] = t
      device[i] = d
      const spike = base > 300 && random() < 0.02 ? 150 : 0
      value[i] = Math.round(1000 * (base + d * 9 + (base / 12) * (random() - 0.5) + spike))
    }
  }
  const table: SampleTable = {
    length,
    t_ns,
    value,
    device,
    sensor: device,
    metric: new Int32Array(length),
    reason: new Int32Array(length).fill(-1),
    devices: device_ids,
    sensors: device_ids.map((id) => `ring:${id}`),
    metrics: ['gpu_power_mw'],
    reasons: [],
  }
  return { ...table, series: seriesOf(table) }
}

function requestRows(
  how: Simulation,
  start: number,
  seconds: number,
  random: () => number,
): RequestRow[] {
  const n = how.requests ?? 400
  const slots = how.concurrency ?? 8
  const each = (seconds * 1e9 * slots) / n
  return Array.from({ length: n }, (_, i) => {
    const sent = Math.round(start + Math.floor(i / slots) * each + random() * 2e6)
    const failed = how.fail_every !== undefined && i % how.fail_every === 0
    const tokens = failed ? 2 : (how.tokens?.(i) ?? 40 + Math.floor(random() * 176))
    const ttft = each * (0.06 + 0.05 * random() ** 4)
    const gap = (each * 0.85 - ttft) / 216
    const chunk_t_ns: number[] = []
    let t = sent + ttft
    for (let k = 0; k < tokens; k++) {
      chunk_t_ns.push(Math.round(t))
      t += gap * (0.85 + 0.3 * random() + (random() < 0.01 ? 3 : 0))
    }
    const last = chunk_t_ns.at(-1) as number
    return {
      request_id: `r${i}`,
      phase: 'measure',
      sent_t_ns: sent,
      headers_t_ns: sent + 1e6,
      done_t_ns: failed ? null : last + 1e5,
      closed_t_ns: last + 2e5,
      chunk_t_ns,
      chunk_kind: chunk_t_ns.map(() => 'content'),
      chunk_tokens: chunk_t_ns.map(() => 1),
      input_tokens: 512,
      output_tokens: tokens,
      token_source: 'usage',
      finish_reason: failed ? null : 'length',
      outcome: failed ? 'error' : 'ok',
      http_status: 200,
      mode: 'streamed',
    }
  })
}

/** Numbers in [0, 1), the same every time. */
function lcg(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
