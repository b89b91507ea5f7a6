import { engineFlags } from '../engine-command.ts'
import { REQUEST_THRESHOLDS as LIMIT } from '../findings/request-thresholds.ts'
import type { RunData } from '../readings/run-data.ts'
import { answersOf } from '../requests/answer.ts'
import { meanRunning } from '../requests/batch-fill.ts'
import { gapsWithin } from '../requests/latency-gaps.ts'
import { countTokens } from '../requests/tokens.ts'
import { precisionName, shortGpuName } from '../schema/alike-names.ts'
import type { Summary } from '../schema/summary.ts'
import { percentile } from '../stats/percentile.ts'
import { chooseWindow, runWindow } from '../window.ts'
import type { TaskRow } from './mlenergy.ts'

/** What lists say of a run, as far as the row needs it. */
export interface RowFacts {
  readonly task: string | null
  readonly model: string | null
  readonly gpu_model: string | null
  readonly num_gpus: number
  readonly precision: string | null
  readonly batch_limit: number | null
  readonly tensor_parallel: number | null
}

export interface ExportedRow {
  readonly row: TaskRow
  /** Why it is no row of the format at all, field by field; empty: it is one. */
  readonly refused: readonly { readonly field: string; readonly reason: string }[]
  /** Why the format's own readers would stumble over it, or its rules forbid it; empty: it passes strictly. */
  readonly strict: readonly { readonly field: string; readonly reason: string }[]
}

/**
 * A run of ours as a row of the leaderboard's task file. Joules are gross board energy over output tokens that arrived
 * in the same window; energy per request is the product, so that the format's identities hold; gaps between tokens and
 * lengths are over the whole run. Nothing subtracted, of CPUs or of the wall enters the 22 fields.
 * @param sha256 of run.json
 * Source: docs/leaderboard.md, "Export".
 */
export function runTaskRow(
  run: RunData,
  summary: Summary,
  facts: RowFacts,
  sha256: string,
): ExportedRow {
  const refused: { field: string; reason: string }[] = []
  const strict: { field: string; reason: string }[] = []
  const answers = answersOf(run)
  const { window } = chooseWindow(run, answers)
  const whole = runWindow(run, answers)
  const value = (id: string) => summary.metrics[id]?.value ?? null
  const perToken = summary.metrics['energy_per_output_token_j']
  const measured = perToken?.scope === 'gpu' && perToken.value !== null
  if (facts.num_gpus === 0 || perToken?.scope !== 'gpu')
    refused.push({
      field: 'energy_per_token_joules',
      reason: `the energy is of scope ${perToken?.scope ?? 'none'}; the board counts GPU boards only`,
    })
  if (facts.gpu_model?.includes(', '))
    refused.push({ field: 'gpu_model', reason: `GPUs are mixed: ${facts.gpu_model}` })
  const model = facts.model
  if (model === null || /^[./~]|\.gguf$|\\/.test(model))
    refused.push({ field: 'model_id', reason: `${model ?? 'no model'} is no id of a hub` })
  else if (!/^[\w.-]+\/[\w.-]+$/.test(model))
    strict.push({ field: 'model_id', reason: `${model} is not of the form OWNER/NAME` })
  const energy_per_token = measured ? perToken.value : null
  const { mean_output_per_completed_of_run: length } = countTokens(run, answers, window)
  const itl = whole === null ? null : gapsWithin(answers, whole)
  const gaps = itl === null || itl.by_chunk ? [] : itl.itl.gap_ms
  const power = measured ? value('power_mean_w') : null
  const degrees = degreesOf(run, facts)
  const row: Record<string, unknown> = {
    model_id: model,
    nickname: model === null ? null : model.slice(model.lastIndexOf('/') + 1),
    ...declared(run),
    weight_precision: precisionName(facts.precision),
    gpu_model: shortGpuName(facts.gpu_model),
    num_gpus: facts.num_gpus,
    max_num_seqs: batchLimit(run, facts),
    ...degrees,
    energy_per_token_joules: energy_per_token,
    energy_per_request_joules:
      energy_per_token === null || length === null ? null : energy_per_token * length,
    avg_power_watts: power,
    // The same joules, seconds and tokens, so that power = throughput × energy per token to the last digits.
    output_throughput_tokens_per_sec:
      power === null || energy_per_token === null ? null : power / energy_per_token,
    avg_output_len: length,
    median_itl_ms: percentile(gaps, 0.5),
    p90_itl_ms: percentile(gaps, 0.9),
    p95_itl_ms: percentile(gaps, 0.95),
    p99_itl_ms: percentile(gaps, 0.99),
    avg_batch_size: window === null ? null : meanRunning(run, window),
  }
  for (const [field, v] of Object.entries(row))
    if (v === null) strict.push({ field, reason: 'is not known' })
  const seconds = summary.window?.duration_s ?? 0
  if (seconds < LIMIT.short_steady_caution_s)
    strict.push({
      field: 'energy_per_token_joules',
      reason: `the window lasts ${seconds.toPrecision(3)} s, under ${LIMIT.short_steady_caution_s} s`,
    })
  if (summary.window?.rule !== 'saturation')
    strict.push({
      field: 'max_num_seqs',
      reason: `the window's rule is ${summary.window?.rule ?? 'none'}; the board takes saturated load only`,
    })
  if (!summary.valid) strict.push({ field: 'valid', reason: 'the run is not valid' })
  return { row: { ...row, x_llem: ours(run, summary, sha256) }, refused, strict }
}

/** What the format has no field for, and a reader must know. */
function ours(run: RunData, summary: Summary, sha256: string) {
  const perToken = summary.metrics['energy_per_output_token_j']
  const { value = null, low = null, high = null } = perToken ?? {}
  const load = run.experiment.raw['load']
  return {
    run_id: run.run_id,
    window: summary.window?.rule ?? null,
    load: typeof load === 'object' && load !== null && 'shape' in load ? load.shape : 'closed',
    concurrency: run.experiment.load.concurrency ?? null,
    energy_scope: 'gpu_board',
    energy_source: perToken?.provenance ?? null,
    energy_u_rel:
      value === null || low === null || high === null || value === 0
        ? null
        : (high - low) / 2 / value,
    measured_j_per_request: summary.metrics['energy_per_request_j@run']?.value ?? null,
    token_count_source: summary.definition?.token_source ?? null,
    valid: summary.valid,
    reasons: summary.findings.filter((f) => f.severity !== 'info').map((f) => f.code),
    sha256,
  }
}

/** Of all data parallel ranks together, as the board counts; the flag of vLLM is of one rank. */
function batchLimit(run: RunData, { batch_limit }: RowFacts): number | null {
  const flags = engineFlags(run)
  const ranks = flags.has('--max-num-seqs') ? Number(flags.get('--data-parallel-size') ?? 1) : 1
  return batch_limit === null || !Number.isSafeInteger(ranks) ? null : batch_limit * ranks
}

/** With one GPU nothing is split; else only what was said. */
function degreesOf(run: RunData, facts: RowFacts) {
  if (facts.num_gpus === 1) return { tensor_parallel: 1, expert_parallel: 1, data_parallel: 1 }
  const flags = engineFlags(run)
  const flag = (name: string) => {
    const value = Number(flags.get(name) ?? Number.NaN)
    return Number.isSafeInteger(value) && value > 0 ? value : null
  }
  const tensor_parallel = facts.tensor_parallel
  const data_parallel =
    flag('--data-parallel-size') ?? (tensor_parallel === facts.num_gpus ? 1 : null)
  // The board's convention: experts over all GPUs are reported as tensor_parallel 1, expert_parallel n.
  if (flags.has('--enable-expert-parallel') && data_parallel === 1)
    return { tensor_parallel: 1, expert_parallel: facts.num_gpus, data_parallel: 1 }
  const expert_parallel = flags.has('--enable-expert-parallel') ? null : 1
  return { tensor_parallel, expert_parallel, data_parallel }
}

/** Architecture and parameters as the configuration, its tags or the environment declare them; never counted from packed tensors. */
function declared(run: RunData) {
  const { raw } = run.experiment
  const places = [raw['model'], raw['tags'], raw, run.environment]
  const said = (key: string): unknown =>
    places
      .map((p) =>
        p !== null && typeof p === 'object' ? (p as Record<string, unknown>)[key] : null,
      )
      .find((v) => v != null) ?? null
  const number = (key: string) => {
    const v = said(key)
    const n = typeof v === 'string' && v.trim() !== '' ? Number(v) : v
    return typeof n === 'number' && Number.isFinite(n) && n > 0 ? n : null
  }
  const architecture = said('architecture')
  return {
    architecture: typeof architecture === 'string' ? architecture : null,
    total_params_billions: number('total_params_billions'),
    activated_params_billions: number('activated_params_billions'),
  }
}
