import { networkInterfaces } from 'node:os'
import { resolveHost } from './resolve-host.ts'

/** Whether an address leads to this host: loopback, or an address of one of its interfaces. */
export async function isLocal(base_url: string): Promise<boolean> {
  const host = new URL(base_url).hostname.replace(/^\[|\]$/g, '')
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((i) => i.address)),
  )
  const addresses = await resolveHost(host).catch(() => [])
  return addresses.some(
    ({ address }) => address.startsWith('127.') || address === '::1' || own.has(address),
  )
}
