import { OpenAPIHono } from '@hono/zod-openapi'
import { API_PREFIX, sameMajor, WIRE_HEADER, WIRE_VERSION } from '../analysis/schema/wire.ts'
import { AnswerError } from './answers/answer-error.ts'
import { KeyDivided } from './compare-stored.ts'
import { countRequest } from './counters.ts'
import { json } from './endpoint.ts'
import { RunUnreadable } from './load-run.ts'
import type { Parts } from './parts.ts'
import { HttpProblem, problemResponse } from './problem.ts'
import { VERSION } from './program.ts'
import { QualityError } from './quality-error.ts'
import { ResultError } from './results/result-error.ts'
import { aggregateRoutes } from './routes/aggregates.ts'
import { choosingRoutes } from './routes/choosing.ts'
import { costRoutes } from './routes/cost.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { importRoutes } from './routes/import.ts'
import { ingestRoutes } from './routes/ingest.ts'
import { leaderboardRoutes } from './routes/leaderboard.ts'
import { OPEN_PAGES, pageRoutes } from './routes/pages.ts'
import { qualityRoutes } from './routes/quality.ts'
import { reportRoutes } from './routes/reports.ts'
import { runRoutes } from './routes/runs.ts'
import { scenarioRoutes } from './routes/scenarios.ts'
import { scoreRoutes } from './routes/scores.ts'
import { siteRoutes } from './routes/sites.ts'
import { statementRoutes } from './routes/statements.ts'
import { streamRoutes } from './routes/streams.ts'
import { totalsRoutes } from './routes/totals.ts'
import { windowRoutes } from './routes/windows.ts'
import { checkOrigin } from './same-origin.ts'
import { SiteSecretError } from './site-secret.ts'
import { NotStored } from './store/document-versions.ts'
import { RunNotFound } from './store/find-run.ts'
import { StoreError, type StoreFault } from './store/store-error.ts'
import { wantsPage } from './wants-page.ts'
import { NO_PAGE_POLICY } from './web/page-policy.ts'

/** What anyone may ask without a token: that the server lives, what it can be asked, and pages that hold no data. */
const OPEN_PATHS: ReadonlySet<string> = new Set([
  ...OPEN_PAGES,
  '/healthz',
  '/readyz',
  `${API_PREFIX}/openapi.json`,
])

/** On every response that does not say otherwise itself. Pages bring a policy of their own. */
const DEFAULT_HEADERS = {
  'content-security-policy': NO_PAGE_POLICY,
  'x-content-type-options': 'nosniff',
  // Addresses of runs are nobody else's; with `no-referrer` a form of our own pages would come from nowhere.
  'referrer-policy': 'same-origin',
} as const

/** The application: addresses, errors and access. It does not listen. */
export function createApp(parts: Parts): OpenAPIHono {
  const app = new OpenAPIHono()
  app.use(async (c, next) => {
    await next()
    c.res.headers.set(WIRE_HEADER, WIRE_VERSION)
    for (const [name, value] of Object.entries(DEFAULT_HEADERS))
      if (!c.res.headers.has(name)) c.res.headers.set(name, value)
    countRequest(parts.counters, c.req.method, c.res.status)
  })
  app.use(async (c, next) => {
    checkOrigin(c.req.raw, parts.loopback)
    checkWire(c.req.header(WIRE_HEADER))
    if (!OPEN_PATHS.has(c.req.path)) await parts.auth.actorOf(c.req.header('authorization') ?? null)
    await next()
  })
  ingestRoutes(app, parts)
  runRoutes(app, parts)
  scoreRoutes(app, parts)
  windowRoutes(app, parts)
  costRoutes(app, parts)
  streamRoutes(app, parts)
  eventRoutes(app, parts)
  aggregateRoutes(app, parts)
  leaderboardRoutes(app, parts)
  importRoutes(app, parts)
  choosingRoutes(app, parts)
  totalsRoutes(app, parts)
  scenarioRoutes(app, parts)
  siteRoutes(app, parts)
  statementRoutes(app, parts)
  qualityRoutes(app, parts)
  reportRoutes(app, parts)
  healthRoutes(app, parts)
  const openapi = () =>
    app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'llem',
        version: VERSION,
        description: 'Runs of LLM inference, their raw readings and what they amount to.',
      },
    })
  app.get(`${API_PREFIX}/openapi.json`, () => json(openapi()))
  pageRoutes(app, parts, openapi)
  app.notFound((c) =>
    problemResponse(
      new HttpProblem(
        404,
        'unknown_address',
        `There is nothing at ${c.req.method} ${c.req.path}; /docs lists the addresses.`,
      ),
      wantsPage(c),
    ),
  )
  app.onError((error, c) =>
    problemResponse(problemOf(error, parts, `${c.req.method} ${c.req.path}`), wantsPage(c)),
  )
  return app
}

function checkWire(theirs: string | undefined): void {
  if (theirs !== undefined && !sameMajor(theirs))
    throw new HttpProblem(
      426,
      'wire_version',
      `You speak wire version ${theirs}, this server ${WIRE_VERSION}: their first numbers must agree. Update the older of the two programs.`,
    )
}

const STORE_PROBLEM: Partial<Record<StoreFault, readonly [number, string]>> = {
  locked: [503, 'database_locked'],
  disk_full: [507, 'disk_full'],
  read_only: [503, 'database_read_only'],
  damaged: [503, 'database_damaged'],
  writer_ended: [503, 'writer_ended'],
}

function problemOf(error: unknown, parts: Parts, where: string): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (error instanceof RunNotFound)
    return error.ambiguous
      ? new HttpProblem(400, 'ambiguous_run', error.message)
      : new HttpProblem(404, 'unknown_run', error.message)
  if (error instanceof SiteSecretError) {
    // What came can't be redacted here: nothing of it is stored until the operator has mended that.
    parts.log(`${where}: ${error.message}`)
    return new HttpProblem(503, 'no_site_secret', error.message, {
      headers: { 'retry-after': '5' },
    })
  }
  if (error instanceof KeyDivided)
    return new HttpProblem(400, 'ambiguous_experiment', error.message)
  if (error instanceof NotStored)
    return new HttpProblem(404, `unknown_${error.kind}`, error.message)
  if (error instanceof RunUnreadable) return new HttpProblem(422, 'run_unreadable', error.message)
  if (error instanceof ResultError) return new HttpProblem(422, 'results_refused', error.message)
  if (error instanceof AnswerError)
    return new HttpProblem(error.code === 'no_pairs' ? 404 : 422, error.code, error.message)
  if (error instanceof QualityError)
    return new HttpProblem(400, error.code, error.message, {
      errors: [{ path: `query.${error.parameter}`, message: error.message }],
    })
  const known = StoreError.from(error, parts.store.path)
  if (known instanceof StoreError) {
    parts.log(`${where}: ${known.message}`)
    const [status, code] = STORE_PROBLEM[known.fault] ?? [503, 'database']
    return new HttpProblem(status, code, known.message, { headers: { 'retry-after': '5' } })
  }
  parts.log(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return new HttpProblem(
    500,
    'internal',
    'The server failed at this request; its log says more. Please report it.',
  )
}
