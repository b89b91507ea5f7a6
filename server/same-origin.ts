import { HttpProblem } from './problem.ts'

const OWN_NAMES = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A web page of another site must not use the person's browser to reach a server that trusts this machine: neither by
 * a name that resolves here (DNS rebinding) nor by a form or a fetch of its own.
 * @throws HttpProblem 403
 */
export function checkOrigin(request: Request, loopback: boolean): void {
  const host = request.headers.get('host')
  if (loopback && host !== null && !OWN_NAMES.test(host))
    throw new HttpProblem(
      403,
      'host_refused',
      `Host is ${host}; this server answers on loopback names only. Ask for http://127.0.0.1, or serve with --host and a token.`,
    )
  const origin = request.headers.get('origin')
  if (origin !== null && !SAFE_METHODS.has(request.method) && hostOf(origin) !== host)
    throw new HttpProblem(
      403,
      'origin_refused',
      `A page of ${origin} may not change anything here.`,
    )
}

const hostOf = (origin: string): string | null =>
  URL.canParse(origin) ? new URL(origin).host : null
