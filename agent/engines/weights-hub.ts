import { open } from 'node:fs/promises'
import { EnvHttpProxyAgent, request } from 'undici'
import { EngineError } from './engine.ts'
import type { FileIdentity } from './weights-cache.ts'

/** Without a connection in this time, the hub counts as out of reach. */
const CONNECT_MS = 5_000
const STALL_MS = 60_000

export interface HubFile {
  readonly repo: string
  readonly revision: string
  readonly file: string
}

export interface HubOptions {
  /** Address of the hub: HF_ENDPOINT, as its own tools have it. */
  readonly endpoint: string
  /** HF_TOKEN, for models behind a licence. */
  readonly token: string | null
  readonly signal: AbortSignal
}

/** The hub of this environment. */
export function hubOptions(
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): HubOptions {
  return {
    endpoint: (env['HF_ENDPOINT'] ?? 'https://huggingface.co').replace(/\/$/, ''),
    token: env['HF_TOKEN'] ?? null,
    signal,
  }
}

/** `owner/repo/file.gguf`, the file in any folder; null: another form. */
export function parseHubId(id: string): HubFile | null {
  const match = /^([\w.-]+\/[\w.-]+)\/(.+\.gguf)$/i.exec(id)
  return match === null
    ? null
    : { repo: match[1] as string, file: match[2] as string, revision: 'main' }
}

/**
 * What the hub says that a file is: of large files it keeps the SHA-256, given before the redirect to its store.
 * @throws EngineError (failed) when the hub is out of reach or has no such file
 */
export async function hubIdentity(hub: HubFile, options: HubOptions): Promise<FileIdentity> {
  return withAgent(
    async (dispatcher) => {
      const response = await request(addressOf(hub, options), {
        method: 'HEAD',
        headers: headersOf(options),
        signal: AbortSignal.any([options.signal, AbortSignal.timeout(CONNECT_MS)]),
        dispatcher,
      })
      await response.body.dump()
      if (response.statusCode >= 400) throw new Error(`HTTP ${response.statusCode}`)
      const header = (name: string) => String(response.headers[name] ?? '')
      const sha256 = header('x-linked-etag').replace(/[^0-9a-f]/g, '')
      const bytes = Number(header('x-linked-size') || header('content-length'))
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('the answer holds no SHA-256 of the file')
      return { sha256, bytes }
    },
    hub,
    options,
  )
}

/** Fetches the file; how much is there is told as a share, 0 to 1. The caller checks what came. */
export async function fetchFromHub(
  hub: HubFile,
  path: string,
  bytes: number,
  onProgress: (fraction: number) => void,
  options: HubOptions,
): Promise<void> {
  await withAgent(
    async (dispatcher) => {
      let url = addressOf(hub, options)
      for (let hop = 0; hop < 5; hop++) {
        const response = await request(url, {
          // The token is the hub's, not its store's.
          headers: hop === 0 ? headersOf(options) : {},
          signal: options.signal,
          dispatcher,
          bodyTimeout: STALL_MS,
          headersTimeout: STALL_MS,
        })
        if (response.statusCode >= 300 && response.statusCode < 400) {
          await response.body.dump()
          url = new URL(String(response.headers['location']), url).href
          continue
        }
        if (response.statusCode !== 200) {
          await response.body.dump()
          throw new Error(`HTTP ${response.statusCode}`)
        }
        await save(response.body, path, bytes, onProgress)
        return
      }
      throw new Error('more than 5 redirects')
    },
    hub,
    options,
  )
}

async function save(
  body: AsyncIterable<Uint8Array>,
  path: string,
  bytes: number,
  onProgress: (fraction: number) => void,
): Promise<void> {
  const file = await open(path, 'w')
  try {
    let written = 0
    for await (const chunk of body) {
      await file.writeFile(chunk)
      written += chunk.length
      onProgress(bytes > 0 ? Math.min(1, written / bytes) : 0)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

async function withAgent<T>(
  work: (dispatcher: EnvHttpProxyAgent) => Promise<T>,
  hub: HubFile,
  options: HubOptions,
): Promise<T> {
  const agent = new EnvHttpProxyAgent({ connect: { timeout: CONNECT_MS } })
  try {
    return await work(agent)
  } catch (error) {
    options.signal.throwIfAborted()
    const { code, message } = error as NodeJS.ErrnoException
    // A full disk is not the hub's fault, and no other source would help.
    if (code === 'ENOSPC' || code === 'EACCES' || code === 'EROFS') throw error
    throw new EngineError(
      'failed',
      `${addressOf(hub, options)}: ${(error as Error).name === 'TimeoutError' ? 'no answer within 5 s' : (code ?? message)}`,
    )
  } finally {
    await agent.destroy()
  }
}

function addressOf(hub: HubFile, options: HubOptions): string {
  const path = hub.file.split('/').map(encodeURIComponent).join('/')
  return `${options.endpoint}/${hub.repo}/resolve/${encodeURIComponent(hub.revision)}/${path}`
}

function headersOf(options: HubOptions): Record<string, string> {
  return options.token === null ? {} : { authorization: `Bearer ${options.token}` }
}
