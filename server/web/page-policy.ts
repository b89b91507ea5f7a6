import { createHash } from 'node:crypto'

/** What a page runs, applies and requests beyond its own markup. Whatever is not named here is refused by the browser. */
export interface PageSources {
  /** Text of each inline script, and of scripts that these unpack. */
  readonly scripts?: readonly string[]
  /** Text of each inline style sheet. */
  readonly styles?: readonly string[]
  /** Script files of this server. */
  readonly script_files?: boolean
  /** Requests to this server. */
  readonly requests?: boolean
}

/**
 * The Content-Security-Policy of a page, fit for a `meta` element too: inline scripts and style sheets by their hash
 * alone, so that no text of the data can become either, no event handler runs, and no request leaves for elsewhere. No
 * `unsafe-inline` is needed: charts set their styles through CSSOM, which a policy does not restrict, and expressions of
 * Vega are interpreted, not evaluated.
 */
export function policyOf({
  scripts = [],
  styles = [],
  script_files = false,
  requests = false,
}: PageSources): string {
  const sources = (list: readonly string[], more: readonly string[] = []) =>
    [...more, ...new Set(list.map(hashSource))].join(' ') || "'none'"
  return [
    "default-src 'none'",
    `script-src ${sources(scripts, script_files ? ["'self'"] : [])}`,
    `style-src ${sources(styles)}`,
    // The icon of a page is an empty data: URL.
    'img-src data:',
    ...(requests ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

/** The policy as a header: only there `frame-ancestors` has a meaning. */
export const headerPolicy = (policy: string): string => `${policy}; frame-ancestors 'none'`

/** The policy of a response that is no page, should a browser take it for one. */
export const NO_PAGE_POLICY = headerPolicy("default-src 'none'")

const hashSource = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`
