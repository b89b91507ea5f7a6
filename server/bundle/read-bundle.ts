import { ChunkError, readChunk } from '../../analysis/schema/arrow.ts'
import { manifestSchema } from '../../analysis/schema/bundle.ts'
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
  /** Files that are no part of a bundle that this program knows. */
  readonly ignored: readonly string[]
}

/**
 * Reads a bundle, with or without manifest, its streams as chunks or as one file each.
 * @throws BundleError naming the file and what is wrong with it
 */
export function readBundle(dir: string): Bundle {
  const files = new Map(bundleFiles(dir).map((f) => [f.path, f]))
  const run_json = files.get('run.json')
  if (!run_json) throw new BundleError(`${dir} holds no run.json; a bundle is a folder with one.`)
  const run = parseRun(dir, run_json)
  const manifest = files.get('manifest.json')
  const sealed = manifest ? checkManifest(dir, manifest, files) : null
  const { chunks, ignored } = readStreams(dir, run, files)
  return {
    dir,
    run,
    chunks,
    outcome: run.file.run.outcome ?? sealed ?? 'interrupted',
    ignored,
  }
}

function parseRun(dir: string, run_json: BundleFile): RunText {
  if (run_json.bytes > MAX_JSON_BYTES)
    throw new BundleError(
      `${dir}/run.json has ${run_json.bytes} bytes; it has at most ${MAX_JSON_BYTES}.`,
    )
  try {
    return readRunFile(run_json.read())
  } catch (error) {
    if (!(error instanceof RunFileError)) throw error
    const faults = error.errors.map((e) => `${e.path || '(top)'} ${e.message}`)
    throw new BundleError(
      `${dir}/run.json: ${faults.length > 0 ? faults.join('; ') : error.message}.`,
    )
  }
}

/** Every file as the manifest says, and no other stream. A report or a note beside them is nobody's harm. Gives the outcome that the exporting database knew. */
function checkManifest(
  dir: string,
  file: BundleFile,
  files: ReadonlyMap<string, BundleFile>,
): RunOutcome | null {
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
  const outcome = manifest['outcome']
  return RUN_OUTCOMES.find((o) => o === outcome) ?? null
}

const CHUNK = /^streams\/([^/]+)\/([a-z]+)\/(\d{1,9})\.arrow$/
const WHOLE = /^streams\/([^/]+)\/([a-z]+)\.(arrow|ndjson)$/

function readStreams(dir: string, { file }: RunText, files: ReadonlyMap<string, BundleFile>) {
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
        chunks.push(chunkOf({ process_id, stream, seq }, { ...entry, read: () => bytes }, at))
    } else if (entry.bytes > 0 || shape === 'chunks')
      chunks.push(
        chunkOf({ process_id, stream, seq: shape === 'chunks' ? Number(last) : 0 }, entry, at),
      )
  }
  checkNumbers(dir, chunks)
  return { chunks, ignored }
}

function chunkOf(
  place: { process_id: string; stream: StreamName; seq: number },
  file: BundleFile,
  at: string,
): BundleChunk {
  const bytes = file.read()
  try {
    const row_count = readChunk(place.stream, bytes).numRows
    return { ...place, path: file.path, sha256: sha256(bytes), row_count, read: file.read }
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
