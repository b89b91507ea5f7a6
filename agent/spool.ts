import { createHash, randomUUID } from 'node:crypto'
import { appendFile, readdir, readFile, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { chunkPath, type Manifest } from '../analysis/schema/bundle.ts'
import { ID_PATTERN } from '../analysis/schema/id.ts'
import { parseJson, toJson } from '../analysis/schema/json.ts'
import { type RunRedactor, redactRunFile } from '../analysis/schema/redact-run.ts'
import { BUNDLE_VERSION, type RunFileInput } from '../analysis/schema/run.ts'
import { STREAM_NAMES } from '../analysis/schema/stream.ts'
import { type ChunkKey, type Seal, sealSchema } from '../analysis/schema/wire.ts'
import { makeDirectory, syncDirectory, writeDurably } from './durable-file.ts'
import { makeDirectories } from './make-directory.ts'
import { type ProcessIdentity, processIdentity } from './process-alive.ts'
import { SpoolError, spoolError } from './spool-error.ts'

/** Where the run is to go: a server by URL, or the database of the embedded one. Both null: nowhere yet. */
export interface SpoolTarget {
  readonly server: string | null
  readonly db: string | null
}

/** The process that records the run, and its host: a pid says nothing on another host. */
export interface SpoolOwner extends ProcessIdentity {
  readonly host: string
}

/** Directory of what concerns the spool and not the run: never part of a bundle. */
const HIDDEN = '.llem'
/** Names of spools that are being made or removed; nothing in them is a run. */
export const UNFINISHED = /^\.(new|gone)-/

/**
 * One run on disk, from its first row until a server has all of it: a bundle directory, with a hidden folder
 * beside the bundle's files. All methods throw SpoolError, with a sentence.
 */
export interface Spool {
  readonly run_id: string
  readonly dir: string
  /** Where files are while they are written: its time tells when the run was last recorded. */
  readonly tempDir: string
  /** Replaces run.json, durably. */
  writeRun(run: RunFileInput): Promise<void>
  /** run.json as text. */
  readRun(): Promise<string>
  /** Writes one chunk; when it returns the chunk survives any crash. The file is whole or absent. */
  writeChunk(key: ChunkKey, bytes: Uint8Array): Promise<void>
  readChunk(key: ChunkKey): Promise<Uint8Array<ArrayBuffer>>
  /** The chunks on disk, by process, stream and seq. */
  chunks(): Promise<ChunkKey[]>
  /** Notes how the run ended and writes the manifest. From then on the spool only waits to be shipped. */
  end(seal: Seal): Promise<void>
  /** null: the run has not ended, or its process died before it could say so. */
  readSeal(): Promise<Seal | null>
  owner(): Promise<SpoolOwner>
  target(): Promise<SpoolTarget>
  setTarget(target: SpoolTarget): Promise<void>
  /** Remembers chunks that a server has: saves sending them again, and nothing depends on it. */
  acknowledge(key: ChunkKey): Promise<void>
  /** Names (`chunkName`) of the acknowledged chunks. */
  acknowledged(): Promise<Set<string>>
  /** SHA-256 of a chunk, 64 hexadecimal digits. */
  sha256(key: ChunkKey): Promise<string>
  /** Writes manifest.json: SHA-256 and size of each file of the bundle. */
  writeManifest(): Promise<void>
  /**
   * Copies the bundle with its manifest, durably, without the hidden folder. `to` may exist, but must hold no
   * other run.
   */
  copyBundle(to: string): Promise<void>
  /** Removes temporary files that a killed agent left. */
  clean(): Promise<void>
  /** Removes the spool. Killed halfway, nothing is left that looks like a run. */
  remove(): Promise<void>
}

/** A chunk's name within its run. */
export const chunkName = (key: ChunkKey): string => chunkPath(key.process_id, key.stream, key.seq)

/**
 * Makes the spool of a new run: with its owner from the first instant, since it is made under another name and
 * renamed.
 * @param redactor of the run: run.json is redacted before it is written
 * @throws SpoolError when the directory can't be written or the run has a spool already
 */
export async function createSpool(
  spoolDir: string,
  run_id: string,
  target: SpoolTarget = { server: null, db: null },
  redactor?: RunRedactor,
): Promise<Spool> {
  if (!ID_PATTERN.test(run_id)) throw new SpoolError('failed', `"${run_id}" is no run id.`)
  const dir = join(spoolDir, run_id)
  const made = join(spoolDir, `.new-${run_id}-${process.pid}`)
  try {
    await makeDirectory(spoolDir)
    await rm(made, { recursive: true, force: true })
    await makeDirectory(join(made, HIDDEN, 'tmp'))
    const owner: SpoolOwner = { ...processIdentity(), host: hostname() }
    await writeDurably(join(made, HIDDEN, 'owner.json'), toJson(owner), tempPath(made))
    await openSpool(made).setTarget(target)
    await rename(made, dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
      throw new SpoolError('failed', `The run ${run_id} has a spool already: ${dir}`)
    })
    await syncDirectory(spoolDir)
  } catch (error) {
    await rm(made, { recursive: true, force: true }).catch(() => undefined)
    throw spoolError(error, dir)
  }
  return openSpool(dir, redactor)
}

/** A spool that is there. Touches nothing until a method is called. */
export function openSpool(dir: string, redactor?: RunRedactor): Spool {
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw spoolError(error, dir)
    }
  }
  const hidden = (name: string) => join(dir, HIDDEN, name)
  const write = (path: string, content: string | Uint8Array) =>
    guard(() => writeDurably(path, content, tempPath(dir)))
  const streamDirs = new Map<string, Promise<void>>()
  // Of what this process wrote the digest is known: a large run's manifest needs no second reading.
  const digests = new Map<string, Digest>()
  const digestOf = async (name: string) =>
    digests.get(name) ?? digest(await readFile(join(dir, name)))
  const spool: Spool = {
    run_id: basename(dir),
    dir,
    tempDir: hidden('tmp'),
    writeRun(run) {
      const kept = redactor === undefined ? run : redactRunFile(run, redactor)
      return write(join(dir, 'run.json'), `${toJson(kept, 2)}\n`)
    },
    readRun: () => guard(() => readFile(join(dir, 'run.json'), 'utf8')),
    async writeChunk(key, bytes) {
      const path = join(dir, chunkName(key))
      const parent = dirname(path)
      const made = streamDirs.get(parent) ?? guard(() => makeDirectory(parent))
      streamDirs.set(parent, made)
      // A directory that could not be made is tried again with the next chunk.
      await made.catch((error) => {
        streamDirs.delete(parent)
        throw error
      })
      await write(path, bytes)
      digests.set(chunkName(key), digest(bytes))
    },
    readChunk: (key) =>
      guard(async () => new Uint8Array(await readFile(join(dir, chunkName(key))))),
    chunks: () => guard(() => listChunks(dir)),
    async end(seal) {
      await write(hidden('seal.json'), toJson(seal))
      await spool.writeManifest()
    },
    readSeal: () =>
      guard(async () => {
        const text = await readOrNull(hidden('seal.json'))
        return text === null ? null : sealSchema.parse(parseJson(text))
      }),
    owner: () => guard(async () => readOwner(await readFile(hidden('owner.json'), 'utf8'), dir)),
    target: () =>
      guard(async () => {
        const text = await readOrNull(hidden('target.json'))
        const target = (text === null ? {} : parseJson(text)) as Partial<SpoolTarget>
        return { server: target.server ?? null, db: target.db ?? null }
      }),
    setTarget: (target) => write(hidden('target.json'), toJson(target)),
    acknowledge: (key) =>
      guard(() =>
        appendFile(hidden('acked.ndjson'), `${JSON.stringify(chunkName(key))}\n`, { mode: 0o600 }),
      ),
    acknowledged: () =>
      guard(async () => acknowledgedNames((await readOrNull(hidden('acked.ndjson'))) ?? '')),
    sha256: (key) => guard(async () => (await digestOf(chunkName(key))).sha256),
    writeManifest: () =>
      guard(async () => {
        const files: Manifest['files'] = {}
        for (const name of await bundleFiles(dir)) files[name] = await digestOf(name)
        await write(
          join(dir, 'manifest.json'),
          `${toJson({ bundle_version: BUNDLE_VERSION, files }, 2)}\n`,
        )
      }),
    async copyBundle(to) {
      await spool.writeManifest()
      await guard(() => copyBundle(dir, to))
    },
    clean: () =>
      guard(async () => {
        for (const name of await namesIn(hidden('tmp')))
          await rm(join(hidden('tmp'), name), { force: true })
      }),
    remove: () =>
      guard(async () => {
        const gone = join(dirname(dir), `.gone-${basename(dir)}-${randomUUID()}`)
        await rename(dir, gone)
        await rm(gone, { recursive: true, force: true })
      }),
  }
  return spool
}

const tempPath = (dir: string) => join(dir, HIDDEN, 'tmp', randomUUID())

async function listChunks(dir: string): Promise<ChunkKey[]> {
  const keys: ChunkKey[] = []
  for (const process_id of await namesIn(join(dir, 'streams')))
    for (const stream of STREAM_NAMES) {
      const names = await namesIn(join(dir, 'streams', process_id, stream))
      // Whatever else lies there (a temporary file of some copy) is no chunk.
      const seqs = names.flatMap((name) => /^(\d{6,})\.arrow$/.exec(name)?.[1] ?? [])
      keys.push(...seqs.map(Number).map((seq) => ({ process_id, stream, seq })))
    }
  return keys.sort(
    (a, b) =>
      compare(a.process_id, b.process_id) || compare(a.stream, b.stream) || compare(a.seq, b.seq),
  )
}

const compare = <T extends string | number>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0)

async function bundleFiles(dir: string): Promise<string[]> {
  return ['run.json', ...(await listChunks(dir)).map(chunkName)]
}

type Digest = Manifest['files'][string]

function digest(content: Uint8Array): Digest {
  return { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length }
}

async function copyBundle(dir: string, to: string): Promise<void> {
  const there = await readOrNull(join(to, 'run.json'))
  if (there !== null && there !== (await readOrNull(join(dir, 'run.json'))))
    throw new SpoolError(
      'failed',
      `${to} holds another run already, so the bundle was left in ${dir}. Copy it to an empty directory, or give another --out.`,
    )
  makeDirectories(to, 0o700)
  // run.json comes last: a copy that was cut short is not taken for a bundle.
  for (const name of ['manifest.json', ...(await bundleFiles(dir)).reverse()]) {
    const path = join(to, name)
    await makeDirectory(dirname(path))
    await writeDurably(path, await readFile(join(dir, name)), `${path}.${randomUUID()}.tmp`)
  }
}

function readOwner(text: string, dir: string): SpoolOwner {
  const damaged = () =>
    new SpoolError('damaged', `${join(dir, HIDDEN, 'owner.json')} can't be read as a run's owner.`)
  let value: unknown
  try {
    value = parseJson(text)
  } catch {
    throw damaged()
  }
  const { pid, started, host } = (value ?? {}) as Partial<SpoolOwner>
  if (typeof pid !== 'number' || typeof host !== 'string') throw damaged()
  return { pid, started: typeof started === 'string' ? started : null, host }
}

/** Lines that a kill cut in half are left out. */
function acknowledgedNames(text: string): Set<string> {
  const names = text.split('\n').slice(0, -1)
  return new Set(names.flatMap((line) => /^"([^"]+)"$/.exec(line)?.[1] ?? []))
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
