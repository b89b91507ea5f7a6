import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ImportLimits, initialLimits } from '../../server/importing/limits.ts'
import { listen } from '../../server/listen.ts'
import { chunkWorkerPath, serverProgram } from '../../server/program.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { digestOf, runText, sampleChunks, sealOf, type TestChunk } from './sample-run.ts'

export interface Served {
  readonly url: string
  readonly api: string
  readonly store: Store
  readonly dir: string
  /** Lines that the server wrote for its operator: a 500 leaves one. */
  readonly log: string[]
  close(): Promise<void>
}

export const tempDir = (): string => mkdtempSync(join(tmpdir(), 'llem-server-test-'))

/** A real server on a free port, over a real database in a folder of its own. */
export async function served(
  options: {
    token?: string
    host?: string
    chunk_worker?: string
    import_child?: string
    import_limits?: Partial<ImportLimits>
    busy_timeout_ms?: number
  } = {},
): Promise<Served> {
  const dir = tempDir()
  const store = await openStore(join(dir, 'llem.db'), {
    create: true,
    busy_timeout_ms: options.busy_timeout_ms ?? 20_000,
  })
  const log: string[] = []
  const server = await listen({
    store,
    host: options.host ?? '127.0.0.1',
    port: 0,
    session_token: options.token ?? null,
    chunk_worker: options.chunk_worker ?? chunkWorkerPath(),
    import_child: options.import_child ?? serverProgram('import-child'),
    import_limits: { ...initialLimits(), ...options.import_limits },
    now: () => new Date().toISOString(),
    log: (line) => log.push(line),
  })
  return {
    url: server.url,
    api: `${server.url}/api/v1`,
    store,
    dir,
    log,
    async close() {
      await server.close()
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export const register = (api: string, text = runText()): Promise<Response> =>
  fetch(`${api}/runs`, { method: 'POST', body: text })

export const putChunk = (
  api: string,
  run_id: string,
  chunk: TestChunk,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(
    `${api}/runs/${run_id}/chunks?process_id=${chunk.process_id}&stream=${chunk.stream}&seq=${chunk.seq}`,
    {
      method: 'POST',
      body: chunk.bytes as Uint8Array<ArrayBuffer>,
      headers: {
        'content-type': 'application/vnd.apache.arrow.stream',
        'content-digest': digestOf(chunk.bytes),
        ...headers,
      },
    },
  )

export const seal = (api: string, run_id: string, body: unknown): Promise<Response> =>
  fetch(`${api}/runs/${run_id}/seal`, { method: 'POST', body: JSON.stringify(body) })

/** A whole run, as an agent sends it. */
export async function sendRun(
  api: string,
  run_id: string,
  text = runText({ run_id }),
): Promise<void> {
  const chunks = sampleChunks()
  for (const answer of [
    await register(api, text),
    ...(await Promise.all(chunks.map((c) => putChunk(api, run_id, c)))),
    await seal(api, run_id, sealOf(chunks)),
  ])
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
}

export interface ProblemBody {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly errors?: readonly { path: string; message: string }[]
}
export const problem = async (answer: Response): Promise<ProblemBody> =>
  (await answer.json()) as ProblemBody
