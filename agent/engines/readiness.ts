import { ask, type Endpoint, NoResponse } from './ask.ts'
import { EngineError } from './engine.ts'

const POLL_MS = 200
const POLL_TIMEOUT_S = 10
const LEAST_POLL_S = 0.1

export interface ReadinessOptions {
  readonly endpoint: Endpoint
  readonly timeout_s: number
  readonly signal: AbortSignal
  /** Resolves when the started process ends; never for an attached engine. */
  readonly exited: Promise<string>
  /** What to add to an error: the log of a started engine. */
  readonly quote: () => string
}

/**
 * Waits until /health or /v1/models answers well. That alone is not ready: the caller then sends a real request.
 * @throws EngineError when the process ends first or the time is over, with its log's tail
 */
export async function waitUntilUp(options: ReadinessOptions): Promise<void> {
  const { endpoint, timeout_s, signal } = options
  const deadline = Date.now() + timeout_s * 1000
  let ended: string | null = null
  void options.exited.then((how) => {
    ended = how
  })
  let last = 'nothing answered'
  for (;;) {
    signal.throwIfAborted()
    if (ended !== null)
      throw new EngineError(
        'failed',
        `The engine ended before it was ready (${ended}).${options.quote()}`,
      )
    // No single request outlasts the whole wait.
    const left_s = () =>
      Math.min(POLL_TIMEOUT_S, Math.max(LEAST_POLL_S, (deadline - Date.now()) / 1000))
    const health = await statusOf(endpoint, 'root:/health', signal, left_s())
    // 503 is a server's own "still loading", whatever its list of models says.
    const decided = health === 200 || health === 503
    const models = decided ? health : await statusOf(endpoint, '/models', signal, left_s())
    if (health === 200 || models === 200) return
    // A server that knows neither path is up; the real request will tell.
    if (health === 404 && models === 404) return
    last = typeof models === 'number' ? `HTTP ${models}` : models
    if (Date.now() >= deadline)
      throw new EngineError(
        'failed',
        `The engine at ${endpoint.base_url} was not ready within ${timeout_s} s (${last}); raise engine.ready_timeout_s or see its log.${options.quote()}`,
      )
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function statusOf(
  endpoint: Endpoint,
  route: string,
  signal: AbortSignal,
  timeout_s: number,
): Promise<number | string> {
  try {
    return (await ask(endpoint, route, null, signal, timeout_s)).status
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof NoResponse) return 'nothing answered'
    return (error as Error).message
  }
}
