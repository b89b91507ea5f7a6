import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Experiment } from '../../analysis/schema/experiment.ts'
import { redactLog } from '../redact-log.ts'
import { ask, type Endpoint } from './ask.ts'
import { probeCapabilities, SMALL_PROBE_S } from './capabilities.ts'
import { type Child, startChild } from './child.ts'
import { EngineError, type EngineKind, type RunningEngine, type StartOptions } from './engine.ts'
import { freePort, isPortTaken } from './free-port.ts'
import { guardGroup } from './guard.ts'
import { isLocal } from './local-address.ts'
import { portOwner } from './port-owner.ts'
import { waitUntilUp } from './readiness.ts'

type OpenaiEngine = Extract<Experiment['engine'], { name: 'openai' }>

/** How long an engine that is said to run already may take to answer. */
const ATTACH_TIMEOUT_S = 5
const PLACEHOLDER = '{port}'
const never = () => new Promise<never>(() => {})

/** Any server with the OpenAI API: one that runs already, or one that a command starts. */
export const openai: EngineKind = {
  name: 'openai',
  async prepare({ experiment }) {
    const engine = experiment.engine as OpenaiEngine
    headersOf(engine)
    if (engine.launcher === 'command') findProgram(engine)
    const anyPort = engine.base_url.replaceAll(PLACEHOLDER, '1')
    if (engine.launcher === 'command' && !(await isLocal(anyPort)))
      throw new EngineError(
        'config',
        `engine.base_url is ${engine.base_url}, which is not on this host, yet engine.command starts the engine here; write http://127.0.0.1:{port}/v1, or launcher: attach`,
      )
  },
  start(options) {
    const engine = options.experiment.engine as OpenaiEngine
    return engine.launcher === 'command' ? launch(engine, options) : attach(engine, options)
  },
}

async function attach(engine: OpenaiEngine, options: StartOptions): Promise<RunningEngine> {
  const endpoint = { base_url: trimmed(engine.base_url), headers: headersOf(engine) }
  options.say(`asking ${endpoint.base_url}`)
  await waitUntilUp({
    endpoint,
    timeout_s: Math.min(ATTACH_TIMEOUT_S, engine.ready_timeout_s),
    signal: options.signal,
    exited: never(),
    quote: () => '',
  })
  const local = await isLocal(endpoint.base_url)
  return {
    ...(await described(endpoint, options)),
    pid: local ? await portOwner(portOf(endpoint.base_url), '/proc') : null,
    local,
    computes_on: null,
    died: never(),
    stop: async () => {},
  }
}

async function launch(engine: OpenaiEngine, options: StartOptions): Promise<RunningEngine> {
  const given = engine.command ?? []
  // In the command it is the port of base_url, wherever that comes from.
  const port = engine.base_url.includes(PLACEHOLDER) ? await freePort() : portOf(engine.base_url)
  const fill = (part: string) => part.replaceAll(PLACEHOLDER, String(port))
  const endpoint = { base_url: trimmed(fill(engine.base_url)), headers: headersOf(engine) }
  const [program, ...args] = given.map(fill) as [string, ...string[]]
  if (await isPortTaken(new URL(endpoint.base_url).hostname, port))
    throw new EngineError(
      'config',
      `Port ${port} of engine.base_url is in use already, so the engine can't be started on it; stop what listens there, write launcher: attach, or put {port} into base_url and command`,
    )
  options.say(`starting ${program}`)
  const child = await startChild({
    program,
    args,
    // With the site's secret an engine's log could be used to try out what was redacted.
    env: { ...process.env, LLEM_SITE_SECRET: undefined, ...engine.env },
    stateDir: options.stateDir,
    name: 'engine',
    talks: false,
  })
  // To the very stop: the engine's first process may end before those that it started.
  const endWatch = guardGroup(child.pid)
  let stopping = false
  const stop = async () => {
    stopping = true
    endWatch()
    await child.stop('keep')
    if (options.redact) await redactLog(child.logPath, options.redact)
  }
  const died = new Promise<string>((resolve) => {
    void child.exited.then((how) => {
      if (!stopping) resolve(`The engine ended by itself (${how}).${quoteOf(child)}`)
    })
  })
  try {
    options.say(`waiting for ${endpoint.base_url}`)
    await waitUntilUp({
      endpoint,
      timeout_s: engine.ready_timeout_s,
      signal: options.signal,
      exited: child.exited,
      quote: () => quoteOf(child),
    })
    return {
      ...(await described(endpoint, options)),
      pid: (await portOwner(port, '/proc')) ?? child.pid,
      local: true,
      computes_on: null,
      died,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What the engine is and takes, found by real requests. */
async function described(
  endpoint: Endpoint,
  { experiment, signal, say }: StartOptions,
): Promise<Endpoint & Pick<RunningEngine, 'info'>> {
  const model = experiment.model.id
  say('sending a first request')
  const capabilities = await probeCapabilities(
    endpoint,
    model,
    experiment.engine,
    signal,
    experiment.load.timeout_s,
  )
  if (capabilities.trouble !== null)
    say(`${capabilities.trouble}. The run goes on; its requests will show how often.`)
  const small_s = Math.min(SMALL_PROBE_S, experiment.load.timeout_s)
  const models = await ask(endpoint, '/models', null, signal, small_s).catch(() => null)
  const list = models?.json?.['data']
  const listed = Array.isArray(list)
    ? list.find((m) => (m as { id?: unknown } | null)?.id === model)
    : undefined
  const version = await ask(endpoint, 'root:/version', null, signal, small_s).catch(() => null)
  const said = version?.status === 200 ? version.json?.['version'] : null
  return {
    ...endpoint,
    info: {
      name: 'openai',
      version: typeof said === 'string' ? said : null,
      model,
      model_info: listed === undefined ? {} : (listed as Record<string, unknown>),
      batch_limit: null,
      capabilities,
    },
  }
}

/** @throws EngineError (config) when the command's program is nowhere: better said before anything is measured */
function findProgram(engine: OpenaiEngine): void {
  const program = engine.command?.[0] ?? ''
  const places = program.includes('/')
    ? [program]
    : (engine.env['PATH'] ?? process.env['PATH'] ?? '')
        .split(delimiter)
        .map((dir) => join(dir, program))
  if (!places.some((place) => existsSync(place)))
    throw new EngineError(
      'config',
      `engine.command is ${program} ..., and there is no such program${program.includes('/') ? '' : ' in PATH'}; install it, activate its environment, or write its whole path`,
    )
}

/** @throws EngineError (config) when the variable that should hold the key is not set */
function headersOf(engine: OpenaiEngine): Record<string, string> {
  if (engine.api_key_env === null) return {}
  const key = process.env[engine.api_key_env]
  if (!key)
    throw new EngineError(
      'config',
      `engine.api_key_env names ${engine.api_key_env}, which is not set in the environment; export it, or drop the key`,
    )
  return { authorization: `Bearer ${key}` }
}

function quoteOf(child: Child): string {
  const tail = child.tail()
  return `${tail === '' ? '' : ` Its last words: ${tail}`} (log: ${child.logPath})`
}

function trimmed(base_url: string): string {
  return base_url.replace(/\/+$/, '')
}

function portOf(base_url: string): number {
  const url = new URL(base_url)
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
}
