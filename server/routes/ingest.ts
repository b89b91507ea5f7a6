import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { z } from 'zod'
import { ChunkError, type ChunkFault, readChunk } from '../../analysis/schema/arrow.ts'
import { checkRanges } from '../../analysis/schema/chunk-range.ts'
import { idSchema } from '../../analysis/schema/id.ts'
import { hasTexts, redactChunk, sameChunkButForSite } from '../../analysis/schema/redact-chunk.ts'
import type { Hide } from '../../analysis/schema/redacted.ts'
import { runFileSchema } from '../../analysis/schema/run.ts'
import {
  chunkKeySchema,
  MAX_CHUNK_BYTES,
  MAX_JSON_BYTES,
  sealSchema,
} from '../../analysis/schema/wire.ts'
import { readBody } from '../body.ts'
import { checkDigest } from '../content-digest.ts'
import { endpoint, json } from '../endpoint.ts'
import { createHeardRedactors, type HeardRedactors } from '../heard-redactors.ts'
import { notSealed, notStored, sealedRun, unknownRun } from '../ingest-problems.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { RunFileError, readJsonText, readRunFile } from '../run-file.ts'
import { chunkBytes } from '../store/chunks.ts'
import { registerRun, updateRun } from '../store/register.ts'
import { sealRun } from '../store/seal.ts'
import { sha256 as sha256Of } from '../store/sha256.ts'

const runParams = z.strictObject({ run_id: idSchema })
const named = z.object({ run_id: idSchema })
const stored = z.object({ sha256: z.string(), rows: z.int() })
const ARROW_TYPES = /^application\/(vnd\.apache\.arrow\.(stream|file)|octet-stream)$/

const FAULT: Record<ChunkFault, readonly [number, string]> = {
  not_arrow: [415, 'not_arrow'],
  compressed: [415, 'compressed'],
  truncated: [400, 'chunk_damaged'],
  schema: [422, 'chunk_schema'],
  range: [422, 'chunk_range'],
}

/** How recorders bring runs in. Each call may be repeated; it is answered after the commit. */
export function ingestRoutes(
  app: OpenAPIHono,
  { store, writer, feed, counters, now }: Parts,
): void {
  const heard = createHeardRedactors(store.hide)
  endpoint(app, {
    method: 'post',
    path: '/runs',
    summary: 'Register a run',
    raw_body: { media_type: 'application/json', schema: runFileSchema.meta({ id: 'RunFile' }) },
    answers: {
      201: { description: 'registered', body: named },
      200: { description: 'the same run.json is there already', body: named },
    },
    async handle(c) {
      const run = await runFileOf(c, store.hide, heard)
      const { run_id } = run.file.run
      const result = await store.db.transaction().execute((tx) => registerRun(tx, run, now()))
      if (typeof result === 'object')
        throw new HttpProblem(
          409,
          'run_exists',
          `Run ${run_id} is registered with another run.json (SHA-256 ${result.conflict}). PUT it to /runs/${run_id} to update it.`,
        )
      return json({ run_id }, result === 'created' ? 201 : 200)
    },
  })

  endpoint(app, {
    method: 'put',
    path: '/runs/{run_id}',
    summary: 'Update the run.json of an open run',
    params: runParams,
    raw_body: { media_type: 'application/json', schema: runFileSchema },
    answers: { 200: { description: 'updated, or the same already', body: named } },
    async handle(c, { params: { run_id } }) {
      const run = await runFileOf(c, store.hide, heard)
      if (run.file.run.run_id !== run_id)
        throw new HttpProblem(
          422,
          'invalid_run',
          `run.run_id is ${run.file.run.run_id}, the address says ${run_id}; send each run to its own address.`,
          { errors: [{ path: 'run.run_id', message: `is not ${run_id}` }] },
        )
      const result = await store.db.transaction().execute((tx) => updateRun(tx, run))
      if (result === 'no_run') throw unknownRun(run_id)
      if (result === 'sealed') throw sealedRun(run_id)
      if (typeof result === 'object')
        throw new HttpProblem(
          409,
          'process_in_use',
          `The new run.json of ${run_id} lacks process ${result.process_in_use}, of which chunks are stored; keep it.`,
        )
      if (result === 'updated') feed.publish(run_id, { event: 'update', data: { run_id } })
      return json({ run_id })
    },
  })

  endpoint(app, {
    method: 'post',
    path: '/runs/{run_id}/chunks',
    summary: 'Store one chunk',
    params: runParams,
    query: chunkKeySchema,
    raw_body: {
      media_type: 'application/vnd.apache.arrow.stream',
      schema: `one Arrow IPC stream, uncompressed, at most ${MAX_CHUNK_BYTES} bytes; header Content-Digest: sha-256=:BASE64:`,
    },
    answers: {
      201: { description: 'stored', body: stored },
      200: { description: 'there already with these bytes', body: stored },
    },
    async handle(c, { params: { run_id }, query }) {
      checkMediaType(c.req.header('content-type'), c.req.header('content-encoding'))
      const sent = await readBody(c, MAX_CHUNK_BYTES)
      const sent_sha256 = checkDigest(c.req.header('content-digest'), sent)
      const table = tableOf(query.stream, sent)
      const row_count = table.numRows
      const bytes = redactChunk(query.stream, sent, heard.of(run_id), table)
      const sha256 = bytes === sent ? sent_sha256 : sha256Of(bytes)
      // What is put is given away; one with redacted values may have to be compared.
      const copy = hasTexts(query.stream) && holdsRedacted(bytes) ? bytes.slice() : null
      const size = bytes.byteLength
      const chunk = { run_id, ...query, sha256, row_count, bytes }
      let result = await writer.put(chunk, now())
      if (typeof result === 'object' && copy !== null) {
        const there = await chunkBytes(store.db, { run_id, ...query })
        if (there !== null && sameChunkButForSite(query.stream, there, copy)) result = 'same'
      }
      if (result !== 'stored' && result !== 'same') throw notStored(result, { run_id, ...query })
      if (result === 'same') counters.chunks_repeated++
      else {
        counters.chunks_stored++
        counters.chunk_bytes_stored += size
        const data = { ...query, rows: row_count, bytes: size }
        feed.publish(run_id, { event: 'chunk', data })
      }
      return json({ sha256: sent_sha256, rows: row_count }, result === 'stored' ? 201 : 200)
    },
  })

  endpoint(app, {
    method: 'post',
    path: '/runs/{run_id}/seal',
    summary: 'Finish a run',
    params: runParams,
    body: sealSchema,
    answers: { 200: { description: 'sealed, now or before in the same way', body: named } },
    async handle(_, { params: { run_id }, body }) {
      const reason = body.reason == null ? body.reason : heard.of(run_id).text(body.reason)
      const seal = { ...body, reason }
      const result = await store.db.transaction().execute((tx) => sealRun(tx, run_id, seal, now()))
      if (result !== 'sealed' && result !== 'same') throw notSealed(result, run_id, body.outcome)
      if (result === 'sealed') {
        counters.runs_sealed++
        const data = { outcome: seal.outcome, reason: reason ?? null }
        feed.publish(run_id, { event: 'sealed', data })
      }
      return json({ run_id })
    },
  })
}

async function runFileOf(c: Context, hide: Hide, heard: HeardRedactors) {
  const bytes = await readBody(c, MAX_JSON_BYTES)
  try {
    const run = readRunFile(bytes, hide)
    heard.learn(run.file.run.run_id, readJsonText(bytes).value)
    return run
  } catch (error) {
    if (!(error instanceof RunFileError)) throw error
    if (error.errors.length === 0)
      throw new HttpProblem(400, 'invalid_json', `The body can't be read: ${error.message}.`)
    throw new HttpProblem(422, 'invalid_run', error.message, { errors: error.errors })
  }
}

function checkMediaType(type: string | undefined, encoding: string | undefined): void {
  if (encoding !== undefined && encoding !== 'identity')
    throw new HttpProblem(
      415,
      'compressed',
      `Content-Encoding is ${encoding}; send the chunk without it.`,
    )
  const media = type?.split(';')[0]?.trim().toLowerCase()
  if (media !== undefined && !ARROW_TYPES.test(media))
    throw new HttpProblem(
      415,
      'not_arrow',
      `Content-Type is ${media}; a chunk is application/vnd.apache.arrow.stream.`,
    )
}

const holdsRedacted = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('redacted:')

function tableOf(...[stream, bytes]: Parameters<typeof readChunk>): ReturnType<typeof readChunk> {
  try {
    const table = readChunk(stream, bytes)
    checkRanges(stream, table)
    return table
  } catch (error) {
    if (!(error instanceof ChunkError)) throw error
    const [status, code] = FAULT[error.fault]
    throw new HttpProblem(status, code, `The chunk is not taken: ${error.message}.`)
  }
}
