/** What this server has done since it started, for /metrics. */
export interface Counters {
  readonly requests: Map<string, number>
  chunks_stored: number
  chunk_bytes_stored: number
  chunks_repeated: number
  runs_sealed: number
}

export const createCounters = (): Counters => ({
  requests: new Map(),
  chunks_stored: 0,
  chunk_bytes_stored: 0,
  chunks_repeated: 0,
  runs_sealed: 0,
})

export function countRequest(counters: Counters, method: string, status: number): void {
  const key = `method="${method}",status="${status}"`
  counters.requests.set(key, (counters.requests.get(key) ?? 0) + 1)
}

/** Prometheus text format 0.0.4. */
export function prometheusText(
  counters: Counters,
  runs: readonly { readonly state: string; readonly count: number }[],
): string {
  const lines: string[] = []
  const metric = (name: string, type: string, help: string, values: [string, number][]) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of values) lines.push(`${name}${labels && `{${labels}}`} ${value}`)
  }
  metric('llem_http_requests_total', 'counter', 'Requests answered.', [...counters.requests])
  metric('llem_chunks_stored_total', 'counter', 'Chunks stored.', [['', counters.chunks_stored]])
  metric('llem_chunk_bytes_stored_total', 'counter', 'Bytes of chunks stored.', [
    ['', counters.chunk_bytes_stored],
  ])
  metric('llem_chunks_repeated_total', 'counter', 'Chunks that were there already.', [
    ['', counters.chunks_repeated],
  ])
  metric('llem_runs_sealed_total', 'counter', 'Runs sealed.', [['', counters.runs_sealed]])
  metric(
    'llem_runs',
    'gauge',
    'Runs in the database, by state.',
    runs.map((r) => [`state="${r.state}"`, r.count]),
  )
  return `${lines.join('\n')}\n`
}
