import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Session } from '../../agent/commands/record-run.ts'
import type { FinishedRun, RunOptions } from '../../agent/commands/run-options.ts'
import { concludeRuns } from '../../agent/commands/run-output.ts'
import type { ServerConnection } from '../../agent/embedded-server.ts'
import { createServerClient } from '../../agent/server-client.ts'
import { WIRE_HEADER, WIRE_VERSION } from '../../analysis/schema/wire.ts'
import { metric, summaryOf } from '../analysis/summary-of.ts'
import { type HttpDouble, httpDouble } from '../support/http-double.ts'

const open: HttpDouble[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const double of open.splice(0)) await double.close()
})

const summary = (run_id: string) =>
  summaryOf(run_id, { energy_per_output_token_j: metric(0.1, 0.01) })

/** Concludes three runs of a study over HTTP; `summaryFor` and `compare` are what the server responds. */
async function conclude(
  summaryFor: (run_id: string) => unknown,
  compare: unknown = { sentence: 'r1 needs less' },
) {
  const double = await httpDouble((path, response) => {
    response.setHeader(WIRE_HEADER, WIRE_VERSION)
    const run_id = /runs\/(r\d)\/summary$/.exec(path)?.[1]
    const body = run_id === undefined ? compare : summaryFor(run_id)
    if (typeof body === 'number') return body
    response.setHeader('content-type', 'application/json')
    return JSON.stringify(body)
  })
  open.push(double)
  const client = createServerClient({ url: double.url, token: null })
  const server: ServerConnection = {
    ...{ client, target: { server: double.url, db: null } },
    ...{ resolve: async () => client, stop: async () => undefined },
  }
  const options: RunOptions = {
    ...{ server: double.url, db: '', out: null, json: true },
    ...{ set: [], item: null, dryRun: false },
  }
  const finished = ['r1', 'r2', 'r3'].map(
    (run_id) =>
      ({
        result: { run_id, outcome: 'completed', reason: null },
        shipped: true,
        bundle: null,
      }) as FinishedRun,
  )
  const session = { study_id: 's1', server, options, signal: new AbortController().signal, runs: 3 }
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += text
      return true
    })
  const code = await concludeRuns(session as unknown as Session, finished)
  vi.restoreAllMocks()
  return { code, document: JSON.parse(written.stdout), stderr: written.stderr }
}
const ids = (document: { runs: { run_id: string }[] }) => document.runs.map((r) => r.run_id)

describe('the document of a study', () => {
  it('holds every summary and their comparison', async () => {
    const { code, document, stderr } = await conclude(summary)
    expect(code).toBe(0)
    expect(ids(document)).toEqual(['r1', 'r2', 'r3'])
    expect(document).toMatchObject({ study_id: 's1', comparison: { sentence: 'r1 needs less' } })
    expect(document.lost).toBeUndefined()
    expect(stderr).toBe('')
  })

  it('keeps the others where one summary is not readable, and names what is wrong with it', async () => {
    const { code, document, stderr } = await conclude((run_id) =>
      run_id === 'r2'
        ? {
            ...summary(run_id),
            metrics: { output_tokens: { ...metric(1), unit: 'token', n: -1_187_455_706 } },
          }
        : summary(run_id),
    )
    expect(code).toBe(1)
    expect(ids(document)).toEqual(['r1', 'r3'])
    expect(document.comparison).not.toBeNull()
    expect(document.lost).toMatchObject([{ run_id: 'r2' }])
    expect(stderr).toContain(
      "The summary of run r2 can't be read: metrics.output_tokens.n is -1187455706",
    )
    expect(stderr).not.toContain('    at ')
  })

  it('keeps the others where the server fails at one', async () => {
    const { code, document, stderr } = await conclude((id) => (id === 'r3' ? 500 : summary(id)))
    expect(code).toBe(1)
    expect(ids(document)).toEqual(['r1', 'r2'])
    expect(stderr).toContain('The summary of run r3 could not be had')
  })

  it('is there without a comparison where that fails', async () => {
    const { code, document, stderr } = await conclude(summary, 500)
    expect(code).toBe(1)
    expect(ids(document)).toEqual(['r1', 'r2', 'r3'])
    expect(document.comparison).toBeNull()
    expect(stderr).toContain('The runs could not be compared')
  })
})
