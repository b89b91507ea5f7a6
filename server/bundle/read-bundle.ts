import { ChunkError, readChunk } from '../../analysis/schema/arrow.ts'
import { manifestSchema } from '../../analysis/schema/bundle.ts'
import { checkRanges } from '../../analysis/schema/chunk-range.ts'
import type { Redactor } from '../../analysis/schema/redact.ts'
import { redactChunk } from '../../analysis/schema/redact-chunk.ts'
import { runRedactor } from '../../analysis/schema/redact-run.ts'
import type { Hide } from '../../analysis/schema/redacted.ts'
import { RUN_OUTCOMES, type RunOutcome } from '../../analysis/schema/run.ts'
import { STREAM_NAMES, type StreamName } from '../../analysis/schema/stream.ts'
import { MAX_JSON_BYTES } from '../../analysis/schema/wire.ts'
import { badFields } from '../bad-field.ts'
import { RunFileError, readJsonText, readRunFile } from '../run-file.ts'
import type { RunText } from '../store/register.ts'
import { sha256 } from '../store/sha256.ts'
import { BundleError } from './bundle-error.ts'
import { type BundleFile, bundleFiles } from './files.ts'
import { ndjsonChunks } from './ndjson.ts'

export interface BundleChunk {
  readonly process_id: string
  readonly stream: StreamName
  readonly seq: number
  readonly path: string
  readonly sha256: string
  readonly row_count: number
  read(): Uint8Array
}

/** A run as a folder, read and checked whole before anything of it is stored. */
export interface Bundle {
  readonly dir: string
  readonly run: RunText
  readonly chunks: readonly BundleChunk[]
  /** How the run ended, where run.json does not say it. */
  readonly outcome: RunOutcome
  /** Why it failed or was interrupted, by run.json, else by the manifest. */
  readonly reason: string | null
  /** Files that are no part of a bundle that this program knows. */
  readonly ignored: readonly string[]
}

/**
 * Reads a bundle, with or without manifest, its streams as chunks or as one file each.
 * @param hide of one that will be stored: run.json and the texts of chunks are redacted; the manifest is that of the
 *   files as they lie there
 * @throws BundleError naming the file and what is wrong with it
 */
export function readBundle(dir: string, hide?: Hide): Bundle {
  const files = new Map(bundleFiles(dir).map((f) => [f.path, f]))
  const run_json = files.get('run.json')
  if (!run_json) throw new BundleError(`${dir} holds no run.json; a bundle is a folder with one.`)
  const run = parseRun(dir, run_json, hide)
  const redactor = hide === undefined ? null : heardBy(run_json, hide)
  const manifest = files.get('manifest.json')
  const sealed = manifest ? checkManifest(dir, manifest, files) : null
  const { chunks, ignored } = readStreams(dir, run, files, redactor)
  return {
    dir,
    run,
    chunks,
    outcome: run.file.run.outcome ?? sealed?.outcome ?? 'interrupted',
    reason: run.file.run.reason ?? sealed?.reason ?? null,
    ignored,
  }
}

function parseRun(dir: string, run_json: BundleFile, hide?: Hide): RunText {
  if (run_json.bytes > MAX_JSON_BYTES)
    throw new BundleError(
      `${dir}/run.json has ${run_json.bytes} bytes; it has at most ${MAX_JSON_BYTES}.`,
    )
  try {
    return readRunFile(run_json.read(), hide)
  } catch (error) {
    if (!(error instanceof RunFileError)) throw error
    const faults = error.errors.map((e) => `${e.path || '(top)'} ${e.message}`)
    throw new BundleError(
      `${dir}/run.json: ${faults.length > 0 ? faults.join('; ') : error.message}.`,
    )
  }
}

/** Every file as the manifest says, and no other stream. A report or a note beside them is nobody's harm. Gives how the run ended, as the exporting database knew it. */
function checkManifest(
  dir: string,
  file: BundleFile,
  files: ReadonlyMap<string, BundleFile>,
): { readonly outcome: RunOutcome | null; readonly reason: string | null } {
  const at = `${dir}/manifest.json`
  let value: unknown
  try {
    value = readJsonText(file.read()).value
  } catch (error) {
    if (error instanceof RunFileError) throw new BundleError(`${at}: ${error.message}.`)
    throw error
  }
  const parsed = manifestSchema.safeParse(value, { reportInput: true })
  if (!parsed.success) {
    const [first] = badFields(parsed.error.issues)
    throw new BundleError(`${at}: ${first?.path} ${first?.message}.`)
  }
  const manifest = parsed.data
  for (const [path, told] of Object.entries(manifest.files)) {
    const found = files.get(path)
    if (!found) throw new BundleError(`${dir}/${path} is in the manifest and not in the bundle.`)
    const hash = found.bytes === told.bytes ? sha256(found.read()) : null
    if (hash !== told.sha256)
      throw new BundleError(
        `${dir}/${path} has ${hash === null ? `${found.bytes} bytes, the manifest says ${told.bytes}` : `SHA-256 ${hash}, the manifest says ${told.sha256}`}. Copy the bundle again.`,
      )
  }
  for (const path of files.keys())
    if (path.startsWith('streams/') && !Object.hasOwn(manifest.files, path))
      throw new BundleError(
        `${dir}/${path} is not in the manifest. Copy the bundle again, or take manifest.json away.`,
      )
  const { outcome, reason } = manifest as { readonly outcome?: unknown; readonly reason?: unknown }
  return {
    outcome: RUN_OUTCOMES.find((o) => o === outcome) ?? null,
    reason: typeof reason === 'string' ? reason : null,
  }
}

const CHUNK = /^streams\/([^/]+)\/([a-z]+)\/(\d{1,9})\.arrow$/
const WHOLE = /^streams\/([^/]+)\/([a-z]+)\.(arrow|ndjson)$/

/** What redacts the texts of chunks: it knows what run.json holds in clear. */
function heardBy(run_json: BundleFile, hide: Hide): Redactor {
  const { run } = readJsonText(run_json.read()).value as { run: { experiment: unknown } }
  return runRedactor(run.experiment, hide).heard
}

function readStreams(
  dir: string,
  { file }: RunText,
  files: ReadonlyMap<string, BundleFile>,
  redactor: Redactor | null,
) {
  const known = new Set(file.processes.map((p) => p.process_id))
  const chunks: BundleChunk[] = []
  const ignored: string[] = []
  const form = new Map<string, string>()
  for (const entry of files.values()) {
    const [, process_id, name, last] = CHUNK.exec(entry.path) ?? WHOLE.exec(entry.path) ?? []
    const stream = STREAM_NAMES.find((s) => s === name)
    if (process_id === undefined || stream === undefined || last === undefined) {
      if (entry.path !== 'run.json' && entry.path !== 'manifest.json') ignored.push(entry.path)
      continue
    }
    const at = `${dir}/${entry.path}`
    if (!known.has(process_id))
      throw new BundleError(`${at} is of process ${process_id}, which run.json does not name.`)
    const key = `${process_id}/${stream}`
    const shape = /^\d/.test(last) ? 'chunks' : last
    if ((form.get(key) ?? shape) !== shape)
      throw new BundleError(`${at}: the stream ${key} is there in two forms; leave one.`)
    form.set(key, shape)
    if (last === 'ndjson') {
      for (const [seq, bytes] of ndjsonChunks(stream, entry.read(), at).entries())
        chunks.push(
          chunkOf({ process_id, stream, seq }, { ...entry, read: () => bytes }, at, redactor),
        )
    } else if (entry.bytes > 0 || shape === 'chunks')
      chunks.push(
        chunkOf(
          { process_id, stream, seq: shape === 'chunks' ? Number(last) : 0 },
          entry,
          at,
          redactor,
        ),
      )
  }
  checkNumbers(dir, chunks)
  return { chunks, ignored }
}

function chunkOf(
  place: { process_id: string; stream: StreamName; seq: number },
  file: BundleFile,
  at: string,
  redactor: Redactor | null,
): BundleChunk {
  const read = () =>
    redactor === null ? file.read() : redactChunk(place.stream, file.read(), redactor)
  try {
    const bytes = read()
    const table = readChunk(place.stream, bytes)
    checkRanges(place.stream, table)
    return { ...place, path: file.path, sha256: sha256(bytes), row_count: table.numRows, read }
  } catch (error) {
    if (error instanceof ChunkError) throw new BundleError(`${at}: ${error.message}.`)
    throw error
  }
}

/** A number left out is a chunk lost, and its joules and tokens with it. */
function checkNumbers(dir: string, chunks: readonly BundleChunk[]): void {
  const counts = new Map<string, number>()
  for (const c of [...chunks].sort((a, b) => a.seq - b.seq)) {
    const key = `${c.process_id}/${c.stream}`
    const next = counts.get(key) ?? 0
    if (c.seq !== next)
      throw new BundleError(
        `${dir}: chunk ${next} of streams/${key} is ${c.seq < next ? 'there twice' : 'missing'}. Copy the bundle again.`,
      )
    counts.set(key, next + 1)
  }
}
