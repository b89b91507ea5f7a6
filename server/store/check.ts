import { ChunkError, readChunk } from '../../analysis/schema/arrow.ts'
import { RunFileError, readRunFile } from '../run-file.ts'
import { readChunks } from './chunks.ts'
import { documentProblems } from './document-versions.ts'
import type { Store } from './open.ts'
import { readResultFile } from './results.ts'
import { sha256 } from './sha256.ts'

export interface CheckResult {
  readonly runs: number
  readonly chunks: number
  readonly bytes: number
  readonly problems: readonly string[]
}

/** Reads everything: the file's own structure, rows without parents, the hash of every run.json, of every chunk with its rows, of every statement, scenario and table of sites, and of every file that results came from. */
export async function checkStore({ db, raw }: Store): Promise<CheckResult> {
  const problems: string[] = []
  for (const row of raw.pragma('integrity_check') as { integrity_check: string }[])
    if (row.integrity_check !== 'ok') problems.push(`database: ${row.integrity_check}`)
  for (const row of raw.pragma('foreign_key_check') as {
    table: string
    rowid: number
    parent: string
  }[])
    problems.push(`${row.table}: row ${row.rowid} has no ${row.parent}`)
  for (const { statement_id, document } of await db
    .selectFrom('statement')
    .select(['statement_id', 'document'])
    .execute())
    if (sha256(document) !== statement_id)
      problems.push(`statement ${statement_id}: the document is not what its address says`)
  problems.push(...(await documentProblems(db)))
  const runs = await db.selectFrom('run').select(['run_id', 'run_json', 'sha256']).execute()
  let chunks = 0
  let bytes = 0
  for (const run of runs) {
    if (sha256(run.run_json) !== run.sha256)
      problems.push(`run ${run.run_id}: run.json is not what its SHA-256 says`)
    try {
      readRunFile(Buffer.from(run.run_json))
    } catch (error) {
      if (!(error instanceof RunFileError)) throw error
      problems.push(`run ${run.run_id}: ${error.message}`)
    }
    for await (const chunk of readChunks(db, run.run_id)) {
      chunks++
      bytes += chunk.bytes.byteLength
      const at = `run ${run.run_id}, chunk ${chunk.process_id}/${chunk.stream}/${chunk.seq}`
      if (sha256(chunk.bytes) !== chunk.sha256)
        problems.push(`${at}: the bytes are not what their SHA-256 says`)
      else
        try {
          const rows = readChunk(chunk.stream, chunk.bytes).numRows
          if (rows !== chunk.row_count)
            problems.push(`${at}: holds ${rows} rows, not ${chunk.row_count}`)
        } catch (error) {
          if (!(error instanceof ChunkError)) throw error
          problems.push(`${at}: ${error.message}`)
        }
    }
  }
  problems.push(...(await fileProblems(db)))
  return { runs: runs.length, chunks, bytes, problems }
}

async function fileProblems(db: Store['db']): Promise<string[]> {
  const problems: string[] = []
  for (const file of await db.selectFrom('result_file').select(['sha256', 'name']).execute()) {
    const at = `file ${file.name} of results`
    try {
      const { bytes } = (await readResultFile(db, file.sha256)) ?? {}
      if (bytes && sha256(bytes) !== file.sha256)
        problems.push(`${at}: the bytes are not what their SHA-256 says`)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      problems.push(`${at}: ${error.message}`)
    }
  }
  return problems
}
