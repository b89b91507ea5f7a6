import { toJson } from '../../analysis/schema/json.ts'
import type { MetricValue } from '../../analysis/schema/summary.ts'
import { runQuerySchema } from '../run-query.ts'
import { listView } from '../run-view.ts'
import { numberText } from './number-text.ts'
import { parseQuery } from './parse-query.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

/** Lists runs. `query` has the names of the HTTP parameters. */
export async function runs(
  options: { db: string; json: boolean },
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const parsed = parseQuery(runQuerySchema, query, 'runs')
  await withStore(options.db, { create: false }, async (store) => {
    const summaries = summariesFor(store)
    // A person at a shell waits a second rather than wonder at empty columns; the server never counts unasked.
    await summaries.fill()
    const page = await listView(store, summaries, parsed)
    if (options.json) return printLine(toJson(page, 2))
    if (page.runs.length === 0) return printLine('No runs.')
    // A name is what name:NAME takes, where somebody gave one.
    const named = page.runs.some((r) => r.name !== null)
    const rows = page.runs.map((r) => [
      r.run_id,
      r.label,
      ...(named ? [r.name ?? ''] : []),
      r.started_at ?? r.created_at,
      r.state === 'open' ? 'running' : (r.outcome ?? ''),
      r.valid === null ? '' : r.valid ? 'valid' : 'invalid',
      joules(r.metrics?.['energy_per_output_token_j']),
    ])
    const head = [
      'RUN',
      'LABEL',
      ...(named ? ['NAME'] : []),
      'STARTED',
      'OUTCOME',
      'VALID',
      'J/TOKEN',
    ]
    for (const line of columns([head, ...rows])) printLine(line)
    if (page.next_cursor !== null)
      process.stderr.write(`${nextPage('runs', options.db, query, page.next_cursor)}\n`)
  })
}

/** The command that shows the next page: a cursor holds a place in a list, so the filters that made the list go with it. */
export function nextPage(
  command: string,
  db: string,
  query: Readonly<Record<string, string>>,
  cursor: string,
): string {
  const word = (w: string) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`)
  const asked = Object.entries({ ...query, cursor }).flatMap(([k, v]) => [`--${k}`, word(v)])
  const words = ['llem-server', command, ...(db === 'llem.db' ? [] : ['--db', word(db)]), ...asked]
  return `More: ${words.join(' ')}`
}

const joules = (m: MetricValue | undefined) =>
  m?.value == null
    ? ''
    : `${numberText(m.value)}${m.provenance === 'cpu_estimate' ? ' estimate' : ''}`

/** Cells to lines with aligned columns. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, k) => Math.max(...rows.map((r) => (r[k] ?? '').length)))
  return rows.map((r) =>
    r
      .map((c, k) => c.padEnd(widths[k] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
