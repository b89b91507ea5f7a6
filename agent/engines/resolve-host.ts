import { lookup } from 'node:dns/promises'

/** A resolver that is out of reach keeps a program waiting for half a minute and more. */
const LIMIT_MS = 10_000

/**
 * The addresses of a host's name.
 * @throws the system's error, with `code`; ETIMEDOUT after 10 s
 */
export async function resolveHost(
  host: string,
): Promise<readonly { readonly address: string; readonly family: number }[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error(`${host} can't be resolved`), { code: 'ETIMEDOUT' })),
      LIMIT_MS,
    )
  })
  return await Promise.race([lookup(host, { all: true }), late]).finally(() => clearTimeout(timer))
}
