import { once } from 'node:events'
import { fstatSync, readSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { toJson } from '../../analysis/schema/json.ts'
import { serverProgram } from '../program.ts'
import { readResults, storeResults } from '../results/import-results.ts'
import { ResultError } from '../results/result-error.ts'
import { StoreError } from '../store/store-error.ts'
import { jsonParts } from './json-parts.ts'
import { optionOf } from './limits.ts'
import {
  BODY_FD,
  type ImportJob,
  type ImportReport,
  importJobSchema,
  JOB_ENV,
  RESPONSE_FD,
} from './protocol.ts'
import { Refusal } from './refusal.ts'

// The process that reads one import. Whatever the file does to it, the server goes on: see watch.ts and run-child.ts.

const job = importJobSchema.parse(JSON.parse(process.env[JOB_ENV] ?? 'null'))
const report = (state: ImportReport) => void writeSync(1, `${JSON.stringify(state)}\n`)

await once(
  new Worker(serverProgram('import-watch'), { workerData: { most_bytes: job.most_bytes } }),
  'message',
)
try {
  await importBody(job)
  report({ done: true })
} catch (error) {
  report(failureOf(error))
}
process.exit(0)

async function importBody({ name, format, revision, db, ...it }: ImportJob): Promise<void> {
  const results = readResults([{ path: name, read: readBody }], { format, revision })
  const found = results.results.length
  if (found > it.most_results)
    throw new Refusal(
      422,
      'import_results_limit',
      `${name} holds ${found} results; an import stores at most ${it.most_results} at once. Nothing was imported. Cut the file, import it with llem-server import, or start the server with a higher ${optionOf('results')}.`,
    )
  // Whole but for its last words before anything is stored, so that a full disk stops it here.
  for (const part of jsonParts({ dry_run: db === null, ...results.read })) write(part)
  if (db === null) return write('}')
  // Loaded only now: what is refused or only tried needs no SQLite.
  const { openStore } = await import('../store/open.ts')
  const store = await openStore(db.path, { create: false, busy_timeout_ms: db.busy_timeout_ms })
  try {
    report({ storing: true })
    const { inserted, same } = await storeResults(store, results, it.now, it.actor)
    write(`,${toJson({ inserted, same }).slice(1)}`)
  } finally {
    await store.close()
  }
}

function readBody(): Uint8Array {
  const bytes = Buffer.allocUnsafe(fstatSync(BODY_FD).size)
  for (let at = 0; at < bytes.length; ) {
    const n = readSync(BODY_FD, bytes, at, bytes.length - at, at)
    if (n === 0) throw new Error(`the body ended after ${at} of ${bytes.length} bytes`)
    at += n
  }
  return bytes
}

function write(text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) at += writeSync(RESPONSE_FD, bytes, at)
}

function failureOf(error: unknown): ImportReport {
  if (error instanceof ResultError)
    return { refused: { status: 422, code: 'results_refused', detail: error.message } }
  if (error instanceof Refusal)
    return { refused: { status: error.status, code: error.code, detail: error.message } }
  const known = job.db === null ? error : StoreError.from(error, job.db.path)
  if (known instanceof StoreError) return { store: { fault: known.fault, message: known.message } }
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
    return {
      refused: {
        status: 507,
        code: 'disk_full',
        detail:
          'There is no room in the temporary folder for the response. Nothing was imported; free some space, or set TMPDIR.',
      },
    }
  return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}
