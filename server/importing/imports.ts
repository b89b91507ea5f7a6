import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { Context } from 'hono'
import { eachPart } from '../body.ts'
import { HttpProblem } from '../problem.ts'
import type { Store } from '../store/open.ts'
import { BYTES_PER_MB, type ImportLimits } from './limits.ts'
import { createImportQueue, type Place } from './queue.ts'
import { type ImportChild, runImportChild } from './run-child.ts'
import { temporaryFile } from './temporary-file.ts'

export interface ImportRequest {
  readonly name: string
  readonly format: string | null
  readonly revision: string | null
  readonly dry_run: boolean
  readonly actor: string
  readonly now: string
}

/** Imports over HTTP: the body to a file, the file to a process of its own, that one's response to the client. */
export interface Imports {
  /** @throws HttpProblem, StoreError */
  take(c: Context, request: ImportRequest): Promise<Response>
  /** Ends what is being read, and waits for what is being stored. */
  close(): Promise<void>
}

export interface ImportsOptions {
  readonly store: Store
  readonly limits: ImportLimits
  /** Path of the bundled import-child. */
  readonly program: string
  log(line: string): void
}

export function createImports({ store, limits, program, log }: ImportsOptions): Imports {
  const queue = createImportQueue(limits.at_once)
  const closing = new AbortController()
  const under_way = new Set<Promise<unknown>>()
  const most = limits.body_mb * BYTES_PER_MB

  async function place(c: Context): Promise<Place> {
    try {
      return queue.enter()
    } catch (error) {
      // Read and dropped: a client that is still sending would not see the response.
      await eachPart(c, most, () => undefined)
      throw error
    }
  }

  /** The body to a file, what is made of it to another. */
  async function read(
    c: Context,
    own: Place,
    job: ImportChild['job'],
    signal: AbortSignal,
  ): Promise<Response> {
    const body = await temporaryFile()
    try {
      await eachPart(c, most, async (part) => void (await body.write(part)))
      await own.turn(signal)
      const response = await temporaryFile()
      try {
        const fds = { body_fd: body.fd, response_fd: response.fd }
        await runImportChild({ program, job, limits, ...fds, signal, log })
        return await fileResponse(response)
      } catch (error) {
        await response.close()
        throw error
      }
    } catch (error) {
      throw noRoom(error)
    } finally {
      await body.close()
    }
  }

  async function take(c: Context, { dry_run, ...request }: ImportRequest): Promise<Response> {
    const signal = AbortSignal.any([closing.signal, leaving(c)])
    const own = await place(c)
    try {
      return await read(c, own, { ...request, db: dry_run ? null : databaseOf(store) }, signal)
    } finally {
      own.leave()
    }
  }

  return {
    async take(c, request) {
      const taken = take(c, request)
      under_way.add(taken)
      try {
        return await taken
      } finally {
        under_way.delete(taken)
      }
    },
    async close() {
      closing.abort(new HttpProblem(503, 'closing', 'The server is ending. Nothing was imported.'))
      await Promise.allSettled(under_way)
    },
  }
}

const databaseOf = ({ path, busy_timeout_ms }: Store) => ({ path, busy_timeout_ms })

/** What lies in the file, which is closed with the response. */
async function fileResponse(file: FileHandle): Promise<Response> {
  const { size } = await file.stat()
  const body = Readable.toWeb(file.createReadStream({ start: 0 }))
  return new Response(body as unknown as ConstructorParameters<typeof Response>[0], {
    headers: { 'content-type': 'application/json', 'content-length': String(size) },
  })
}

/** Aborted when the client goes; what is thrown then is read by nobody. */
function leaving(c: Context): AbortSignal {
  const left = new AbortController()
  const { signal } = c.req.raw
  const leave = () =>
    left.abort(new HttpProblem(400, 'client_left', 'The client left before its import was read.'))
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave, { once: true })
  return left.signal
}

function noRoom(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return error
  return new HttpProblem(
    507,
    'disk_full',
    'There is no room in the temporary folder for the file. Nothing was imported; free some space, or set TMPDIR.',
  )
}
