import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Experiment } from '../../analysis/schema/experiment.ts'
import { longest } from '../load/request-source.ts'
import { programPath } from '../program.ts'
import { cacheDir } from '../state-dir.ts'
import { limitOf } from '../time-limit.ts'
import { probeCapabilities } from './capabilities.ts'
import { type Child, startChild } from './child.ts'
import type { WorkerConfig, WorkerReply } from './embedded-protocol.ts'
import { EngineError, type EngineKind, type RunningEngine, type StartOptions } from './engine.ts'
import { findWeights, type Weights } from './weights.ts'
import { hubOptions } from './weights-hub.ts'

/** Sequences of an open loop that states no limit. */
const OPEN_LOOP_SEQUENCES = 8
/** A conversation's template takes tokens too. */
const TEMPLATE_TOKENS = 64
/** So much the probes of prompt lengths need. */
const MIN_CONTEXT = 256
/** Longest wait for a model to be loaded: a start of its own, and its file from a slow disk. */
const LOAD_S = 300
const SLOWEST_BYTES_S = 50_000_000

/** llama.cpp in a process of its own, so that its threads can't disturb the sampling. */
export const embedded: EngineKind = {
  name: 'embedded',
  async prepare(options) {
    workerPath()
    contextTokens(options.experiment, await weightsOf(options, true))
  },
  async start(options) {
    // Fetched by prepare; what was not in reach then must not delay the run now.
    const weights = await weightsOf(options, false)
    return start(options, weights, contextTokens(options.experiment, weights))
  },
}

/** @throws EngineError (config) where the installation was made without the embedded engine */
function workerPath(): string {
  try {
    return programPath('embedded-worker')
  } catch {
    throw new EngineError(
      'config',
      'The embedded engine is not part of this installation (archives for hosts without network leave it out); write engine: openai and the address or command of a server, as in examples/openai.yaml',
    )
  }
}

type EmbeddedEngine = Extract<Experiment['engine'], { name: 'embedded' }>

function weightsOf(options: StartOptions, fetch: boolean): Promise<Weights> {
  return findWeights({
    model: options.experiment.model,
    cacheDir: join(cacheDir(), 'models'),
    hub: hubOptions(process.env, options.signal),
    python: 'python3',
    fetch,
    say: options.say,
    progress: options.progress,
    signal: options.signal,
  })
}

/**
 * Tokens of context a request: what is configured, else the longest prompt and answer of the data.
 * @throws EngineError (config) for more than the model was trained on
 */
export function contextTokens(experiment: Experiment, weights: Weights): number {
  const engine = experiment.engine as EmbeddedEngine
  const { input_tokens, output_tokens } = experiment.data
  const template = engine.api === 'chat' ? TEMPLATE_TOKENS : 0
  const needed = longest(input_tokens) + longest(output_tokens) + template
  const asked = engine.context_tokens ?? Math.max(MIN_CONTEXT, needed)
  const trained = weights.gguf.context_tokens
  if (trained !== null && asked > trained)
    throw new EngineError(
      'config',
      `${engine.context_tokens === null ? `data.input_tokens and data.output_tokens need ${asked}` : `engine.context_tokens is ${asked}`} tokens of context, yet ${weights.path} was trained on ${trained}; ask for less or take another model`,
    )
  if (asked < needed)
    throw new EngineError(
      'config',
      `engine.context_tokens is ${asked}, yet data.input_tokens and data.output_tokens need ${needed}; raise it or drop it`,
    )
  return asked
}

async function start(
  options: StartOptions,
  weights: Weights,
  context_tokens: number,
): Promise<RunningEngine> {
  const { experiment, signal, say } = options
  const engine = experiment.engine as EmbeddedEngine
  const config: WorkerConfig = {
    model_path: weights.path,
    model: experiment.model.id,
    sequences: experiment.load.concurrency ?? OPEN_LOOP_SEQUENCES,
    context_tokens,
    threads: engine.threads ?? Math.max(1, availableParallelism() - 1),
    gpu: engine.gpu,
  }
  say(`loading ${experiment.model.id}`)
  const child = await startChild({
    program: process.execPath,
    args: [workerPath()],
    env: process.env,
    stateDir: options.stateDir,
    name: 'embedded-engine',
    talks: true,
  })
  let stopping = false
  const died = new Promise<string>((resolve) => {
    void child.exited.then((how) => {
      if (!stopping) resolve(`The embedded engine ended by itself (${how}).${quote(child)}`)
    })
  })
  const stop = async () => {
    stopping = true
    await child.stop('remove')
  }
  try {
    const reply = await load(child, config, signal, LOAD_S + weights.bytes / SLOWEST_BYTES_S)
    const endpoint = { base_url: `http://127.0.0.1:${reply.port}/v1`, headers: {} }
    const capabilities = await probeCapabilities(
      endpoint,
      config.model,
      engine,
      signal,
      experiment.load.timeout_s,
    )
    if (capabilities.trouble !== null) throw new EngineError('failed', capabilities.trouble)
    return {
      ...endpoint,
      info: {
        name: 'embedded',
        version: `node-llama-cpp ${reply.version}`,
        model: config.model,
        model_info: modelInfo(weights, reply, config),
        batch_limit: config.sequences,
        capabilities,
      },
      pid: child.pid,
      local: true,
      computes_on: reply.gpu_layers > 0 ? 'gpu' : 'cpu',
      died,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

type Ready = Extract<WorkerReply, { ready: true }>

/**
 * Tells the worker what to load and waits for its answer.
 * @throws EngineError when it ends, fails, or takes longer than limit_s
 */
async function load(
  child: Child,
  config: WorkerConfig,
  signal: AbortSignal,
  limit_s: number,
): Promise<Ready> {
  const { stdin, stdout } = child.process
  if (stdin === null || stdout === null) throw new Error('the worker was started without pipes')
  stdin.on('error', () => {})
  // The pipe stays open: its end is the worker's end.
  stdin.write(`${JSON.stringify(config)}\n`)
  const late = limitOf(limit_s)
  const line = once(createInterface({ input: stdout }), 'line', {
    signal: AbortSignal.any([signal, late]),
  }).catch((error: unknown) => {
    signal.throwIfAborted()
    if (!late.aborted) throw error
    throw new EngineError(
      'failed',
      `The embedded engine has not loaded ${config.model_path} within ${Math.round(limit_s)} s; see whether its disk or its GPU hangs.${quote(child)}`,
    )
  })
  const first = await Promise.race([line, child.exited])
  if (typeof first === 'string') {
    line.catch(() => {})
    throw new EngineError(
      'failed',
      `The embedded engine ended while loading ${config.model_path} (${first}).${quote(child)}`,
    )
  }
  const reply = JSON.parse(String(first[0])) as WorkerReply
  if (!reply.ready) throw new EngineError(reply.kind, reply.message)
  return reply
}

function quote(child: Child): string {
  const tail = child.tail()
  return tail === '' ? '' : ` Its last words: ${tail}`
}

function modelInfo(weights: Weights, reply: Ready, config: WorkerConfig): Record<string, unknown> {
  const { gguf, sha256, bytes, path, source } = weights
  const { synthetic_weights, ...said } = gguf
  return {
    ...said,
    sha256,
    bytes,
    path,
    source,
    ...(synthetic_weights ? { synthetic_weights } : {}),
    context_tokens_per_request: reply.context_tokens,
    threads: config.threads,
    gpu: reply.gpu,
    gpu_layers: reply.gpu_layers,
    gpu_devices: reply.gpu_devices,
    system: reply.system,
  }
}
