/** The tables as Kysely sees them. Their shape is made in migrations/. Times are ISO 8601 in UTC. */

/** What lists filter by, read once from run.json. */
export interface RunFacts {
  readonly study_id: string | null
  readonly experiment_key: string
  readonly name: string | null
  readonly task: string | null
  readonly model: string | null
  readonly engine: string | null
  readonly gpu_model: string | null
  readonly num_gpus: number
  readonly precision: string | null
  readonly batch_limit: number | null
  readonly tensor_parallel: number | null
  readonly host: string | null
  readonly site: string | null
  readonly started_at: string | null
}

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

export interface Tables {
  run: RunRow
  process: ProcessRow
  chunk: ChunkRow
  summary: SummaryRow
  summary_metric: SummaryMetricRow
  run_tag: RunTagRow
  audit: AuditRow
  token: TokenRow
  result: ResultRow
  result_metric: ResultMetricRow
  result_file: ResultFileRow
}
