import { Agent } from 'node:http'
import { z } from 'zod'
import { askJson, NoAnswer } from './ask-json.ts'
import { exists } from './files.ts'
import type { SensorOptions } from './sensor.ts'

/** Where the daemon listens unless told otherwise. */
export const SOCKET = '/run/zeusd/zeusd.sock'
/** It is on this machine and reads a register: more than this is no answer any more. */
const TIMEOUT_MS = 1000

/** What `GET /discover` answers, to everyone. */
export const discoverySchema = z.looseObject({
  cpus: z.array(z.looseObject({ id: z.int().nonnegative(), dram_available: z.boolean() })),
  gpus: z.array(
    z.looseObject({
      id: z.int().nonnegative(),
      name: z.string(),
      pci_address: z.string(),
      cumulative_energy_available: z.boolean().default(true),
    }),
  ),
  enabled_api_groups: z.array(z.string()),
  auth_required: z.boolean(),
})
export type Discovery = z.infer<typeof discoverySchema>

export interface Target {
  readonly name: string
  readonly url: string
  readonly socketPath?: string
}

/** What the environment names, else the usual socket; null: there is none. */
export function targetOf(env: SensorOptions['env']): Target | null {
  const path = env['ZEUSD_SOCK_PATH']
  if (path) return { name: path, url: 'http://localhost', socketPath: path }
  const address = env['ZEUSD_HOST_PORT']
  if (address) return { name: address, url: `http://${address}` }
  return exists(SOCKET) ? { name: SOCKET, url: 'http://localhost', socketPath: SOCKET } : null
}

export interface Client {
  /** @throws NoAnswer */
  ask<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>>
  readonly hasToken: boolean
  close(): void
}

/** Asks the daemon's reading routes, each within a second. */
export function createClient({ url, socketPath }: Target, token: string | undefined): Client {
  const agent = new Agent({ keepAlive: true })
  const closing = new AbortController()
  return {
    hasToken: Boolean(token),
    async ask(path, schema) {
      const answer = await askJson({
        url: `${url}${path}`,
        agent,
        ...(socketPath === undefined ? {} : { socketPath }),
        headers: token ? { authorization: `Bearer ${token}` } : {},
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      const parsed = schema.safeParse(answer)
      if (parsed.success) return parsed.data
      throw new NoAnswer(
        'unsupported',
        `answers ${path.split('?')[0]} with something that zeusd does not say`,
      )
    },
    close() {
      closing.abort()
      agent.destroy()
    },
  }
}

/** @throws NoAnswer where the group of routes is not open to us */
export function allowed(client: Client, told: Discovery, group: 'cpu-read' | 'gpu-read'): void {
  if (!told.enabled_api_groups.includes(group))
    throw new NoAnswer('unsupported', `does not offer ${group}; start it with --enable ${group}`)
  if (told.auth_required && !client.hasToken)
    throw new NoAnswer('permission_denied', `wants a token with ${group}; set ZEUSD_TOKEN`)
}
