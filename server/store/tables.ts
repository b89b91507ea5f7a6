import type { Generated } from 'kysely'
import type { ReadColumn, RunValues } from '../../analysis/schema/fact.ts'

/** The tables as Kysely sees them. Their shape is made in migrations/. Times are ISO 8601 in UTC. */

/** The columns of a run that are read once from run.json. */
export type RunFacts = RunValues<ReadColumn>

export interface RunRow extends RunFacts {
  run_id: string
  /** `local`: measured, with raw rows. Others are results of other tools. */
  source: string
  state: 'open' | 'sealed'
  /** The exact text of the last run.json. */
  run_json: string
  sha256: string
  registered_sha256: string
  seal_json: string | null
  outcome: string | null
  reason: string | null
  created_at: string
  sealed_at: string | null
  note: string | null
  archived: number
  /** Its configured values; null: not filled yet. */
  value_set_id: number | null
}

/** Values that runs of one configuration share. A cache. */
interface ValueSetRow {
  value_set_id: Generated<number>
  sha256: string
  /** Of the list of facts that it was filled under. */
  stamp: string
}

interface ValueSetValueRow {
  value_set_id: number
  /** Of a configured value, or the name of a fact. */
  path: string
  type: 'string' | 'number' | 'boolean'
  text: string
  number: number | null
}

interface ProcessRow {
  run_id: string
  process_id: string
}

export interface ChunkRow {
  run_id: string
  process_id: string
  stream: string
  seq: number
  sha256: string
  size_bytes: number
  row_count: number
  received_at: string
  bytes: Uint8Array
}

interface SummaryRow {
  run_id: string
  analysis_version: number
  valid: number
  cautions: number
  computed_at: string
  json: string
}

interface SummaryMetricRow {
  run_id: string
  analysis_version: number
  metric: string
  value: number
}

interface PendingWorkRow {
  work: string
}

interface FormerKeyRow {
  former_key: string
  run_id: string
}

interface RunTagRow {
  run_id: string
  key: string
  value: string
}

interface AuditRow {
  audit_id: string
  at: string
  actor: string
  action: string
  run_id: string | null
  detail: string
}

export interface TokenRow {
  name: string
  sha256: string
  created_at: string
  last_used_at: string | null
  revoked_at: string | null
}

export interface ResultRow {
  result_id: string
  /** Never `local`. */
  source: string
  kind: string
  name: string | null
  task: string | null
  model: string | null
  engine: string | null
  gpu_model: string | null
  num_gpus: number | null
  precision: string | null
  imported_at: string
  /** JSON of the result's own provenance. */
  provenance: string
  /** JSON of the whole result. */
  payload: string
  batch_limit: number | null
  tensor_parallel: number | null
  valid: number
  cautions: number
  revision: string | null
  file_sha256: string
  value_set_id: number | null
}

interface ResultMetricRow {
  result_id: string
  metric: string
  value: number
}

/** A file that results came from, as it came, packed. */
interface ResultFileRow {
  sha256: string
  name: string
  size_bytes: number
  imported_at: string
  gzip: Uint8Array
}

/** Energy of a sealed run, derived under one version of the formulas. */
interface RunEnergyRow {
  run_id: string
  analysis_version: number
  valid: number
  boundary: string
  boundary_partial: number
  gpus: number
  /** Relative standard uncertainty. */
  u: number
  /** Why there is none; null: there is. */
  reason: string | null
  computed_at: string
}

/** A part of it at constant power, within one hour of UTC. Microjoules. */
interface RunEnergyHourRow {
  run_id: string
  part: 'window' | 'outside'
  seq: number
  from_ms: number | null
  to_ms: number | null
  duration_ms: number
  gpu_uj: number
  cpu_uj: number
  dram_uj: number
  node_uj: number
  estimated_uj: number
}

export interface StatementRow {
  /** SHA-256 of the document. */
  statement_id: string
  title: string
  created_at: string
  /** Canonical JSON. Triggers refuse any change. */
  document: string
}

/** A factor as its publisher told it, for a while. */
export interface GridFactorRow {
  provider: string
  zone: string
  kind: string
  from_ms: number
  to_ms: number
  g_per_kwh: number
  estimated: number
  fetched_at: string
}

/** An answer that was imported. `set_id`: its run, or `answers:MODEL`. */
export interface AnswerRow {
  set_id: string
  prompt_sha256: string
  prompt_id: string
  model: string
  run_id: string | null
  energy_j: number | null
  e2e_ms: number | null
  imported_at: string
  file_sha256: string
  prompt: string
  output: string
}

/** Only ever added. */
interface VoteRow {
  vote_id: string
  token_sha256: string
  at: string
  actor: string
  left_set_id: string
  right_set_id: string
  choice: string
  /** JSON of what the voter was shown afterwards, with the prompt's hash. */
  shown: string
}

/** Whether a chosen answer was worth its extra energy, asked after the vote. Only ever added. */
interface VoteWorthRow {
  vote_id: string
  at: string
  actor: string
  worth_it: number
}

/** A score that was attached to a run; one a dataset. */
export interface QualityScoreRow {
  run_id: string
  dataset: string
  value: number
  low: number | null
  high: number | null
  source: string | null
  at: string
  actor: string
}

/** A scenario, or a table of sites, as it was put. Triggers refuse any change. */
export interface DocumentVersionRow {
  kind: 'scenario' | 'sites'
  name: string
  /** From 1, one after the other. */
  version: number
  /** SHA-256 of the document. */
  sha256: string
  /** Canonical JSON. */
  document: string
  at: string
  actor: string
}

export interface Tables {
  answer: AnswerRow
  quality_score: QualityScoreRow
  vote: VoteRow
  vote_worth: VoteWorthRow
  run: RunRow
  value_set: ValueSetRow
  value_set_value: ValueSetValueRow
  process: ProcessRow
  chunk: ChunkRow
  summary: SummaryRow
  summary_metric: SummaryMetricRow
  former_key: FormerKeyRow
  pending_work: PendingWorkRow
  run_tag: RunTagRow
  audit: AuditRow
  token: TokenRow
  result: ResultRow
  result_metric: ResultMetricRow
  result_file: ResultFileRow
  run_energy: RunEnergyRow
  run_energy_hour: RunEnergyHourRow
  statement: StatementRow
  grid_factor: GridFactorRow
  document_version: DocumentVersionRow
}
