import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runLedgerSchema } from '../../analysis/schema/cost.ts'
import { runValiditySchema } from '../../analysis/schema/run-validity.ts'
import { statementSchema } from '../../analysis/schema/statement.ts'
import { ROOT } from '../support/root.ts'
import { llemServer } from './program.ts'
import { runText, sampleChunks, sealOf } from './sample-run.ts'
import {
  type ProblemBody,
  putChunk,
  register,
  type Served,
  seal,
  sendRun,
  served,
} from './served.ts'

const GOOD = 'run-1-good'
const CUT = 'run-2-cut'
const FAILED = 'run-3-failed'
const WHY = 'The engine ended with exit code 1.'

let server: Served
let db: string
const cli = (...args: string[]) => llemServer([...args, '--db', db], { cwd: server.dir })
const parsed = async (...args: string[]) => {
  const { code, stdout, stderr } = await cli(...args, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}
const http = async (path: string) => (await fetch(`${server.api}${path}`)).json()

/** Later than the ones before: `last` goes by when the database got to know a run. */
async function endedAs(run_id: string, outcome: string, reason: string): Promise<void> {
  const chunks = sampleChunks()
  await register(server.api, runText({ run_id, outcome: null }))
  for (const chunk of chunks) await putChunk(server.api, run_id, chunk)
  const sealed = await seal(server.api, run_id, { ...sealOf(chunks, outcome), reason })
  expect(sealed.status).toBe(200)
}

beforeAll(async () => {
  server = await served()
  db = join(server.dir, 'llem.db')
  await sendRun(server.api, GOOD)
  await endedAs(CUT, 'interrupted', 'SIGINT')
  await endedAs(FAILED, 'failed', WHY)
  for (const id of [GOOD, CUT, FAILED]) await http(`/runs/${id}/summary`)
})
afterAll(() => server.close())

const failed = {
  run_id: FAILED,
  valid: false,
  outcome: 'failed',
  reason: WHY,
  invalid: ['run_failed'],
}
const WORDS = `Run ${FAILED} failed (The engine ended with exit code 1), is invalid (run_failed)`
const place = ['--zone', 'DE', '--pue', '1.2']

describe('last', () => {
  it('is the newest run that did not fail; skipped ones are named on stderr', async () => {
    for (const args of [['show'], ['cost', ...place], ['report'], ['score']]) {
      const [command = '', ...rest] = args
      const { code, stderr } = await cli(command, 'last', ...rest)
      expect([command, code]).toEqual([command, 0])
      expect(stderr).toContain(
        `Skipped run ${FAILED}, which is newer but failed (The engine ended with exit code 1); name it by its id`,
      )
    }
    expect((await parsed('show', 'last')).run_id).toBe(CUT)
    expect(((await http('/runs/last')) as { run: unknown }) ?? null).toMatchObject({
      run_id: CUT,
    })
  })

  it('names nothing where it skips nothing, and refuses where every run failed', async () => {
    const only = await served()
    const at = (...args: string[]) => llemServer([...args, '--db', join(only.dir, 'llem.db')])
    try {
      await register(only.api, runText({ run_id: FAILED, outcome: null }))
      await seal(only.api, FAILED, { ...sealOf([], 'failed'), reason: WHY })
      expect(await at('show', 'last')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(
          `the only run failed. Name one by its id, such as ${FAILED}`,
        ),
      })
      await sendRun(only.api, GOOD)
      expect(await at('show', 'last')).toMatchObject({ code: 0, stderr: '' })
    } finally {
      await only.close()
    }
  })
})

describe('a failed run', () => {
  it('has its validity in the ledger, by command and HTTP, and in its text', async () => {
    const ledger = await parsed('cost', FAILED, ...place)
    expect(runLedgerSchema.parse(ledger).validity).toMatchObject(failed)
    expect(ledger.validity).toEqual(
      ((await http(`/runs/${FAILED}/cost?zone=DE&pue=1.2`)) as typeof ledger).validity,
    )
    expect((await cli('cost', FAILED, ...place)).stdout).toContain(WORDS)
    const two = ['--scenario', 'a.yaml', '--scenario', 'b.yaml']
    for (const name of ['a', 'b'])
      writeFileSync(
        join(server.dir, `${name}.yaml`),
        `scenario_version: 1\nid: ${name}\ncurrency: EUR\n`,
      )
    expect((await cli('cost', FAILED, ...two)).stdout).toContain(WORDS)
    expect((await parsed('cost', FAILED, ...two)).validity).toMatchObject(failed)
    expect((await cli('cost', GOOD, ...place)).stdout).toContain(`Run ${GOOD} has cautions (`)
  })

  it('has it in a submission and in its verification, which names it though every number holds', async () => {
    const out = join(server.dir, 'mine')
    const exported = await cli('export', FAILED, '--format', 'submission', '--out', out)
    expect([exported.code, exported.stderr.startsWith(WORDS)]).toEqual([0, true])
    const at = join(out, 'submission.json')
    const manifest = JSON.parse(readFileSync(at, 'utf8'))
    expect(runValiditySchema.parse(manifest.validity)).toMatchObject(failed)
    const verified = await llemServer(['verify', out])
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining(WORDS)])
    const { validity } = JSON.parse((await llemServer(['verify', out, '--json'])).stdout)
    expect(validity).toEqual(manifest.validity)
    // One that states better of itself than its rows do is found out.
    writeFileSync(
      at,
      JSON.stringify({ ...manifest, validity: { ...manifest.validity, valid: true } }),
    )
    const forged = await llemServer(['verify', out])
    expect([forged.code, forged.stdout]).toEqual([1, expect.stringContaining('validity.valid')])
    // One of before validity was stated still holds.
    const { validity: _, ...before } = manifest
    writeFileSync(at, JSON.stringify(before))
    expect((await llemServer(['verify', out])).code).toBe(0)
  })

  it('keeps in its bundle the reason that only its seal holds', async () => {
    const out = join(server.dir, 'bundle')
    const other = ['--db', join(server.dir, 'other.db')]
    expect((await cli('export', FAILED, '--format', 'bundle', '--out', out)).code).toBe(0)
    expect((await llemServer(['import', out, ...other])).code).toBe(0)
    const { runs } = JSON.parse((await llemServer(['runs', '--json', ...other])).stdout)
    expect(runs).toMatchObject([{ run_id: FAILED, outcome: 'failed', reason: WHY }])
  })

  it('is named where it goes to files for other programs', async () => {
    for (const format of ['csv', 'json', 'codecarbon']) {
      const out = join(server.dir, `as-${format}`)
      const { code, stderr } = await cli('export', '--format', format, '--out', out)
      expect([format, code]).toEqual([format, 0])
      expect(stderr).toContain(WORDS)
      expect(stderr).toContain(`Run ${CUT} was interrupted (SIGINT)`)
      expect(stderr).not.toContain(GOOD)
    }
    const beside = readFileSync(join(server.dir, 'as-codecarbon/emissions.provenance.json'), 'utf8')
    expect(JSON.parse(beside).runs[2].validity).toMatchObject(failed)
    const json = JSON.parse(readFileSync(join(server.dir, 'as-json'), 'utf8'))
    expect(json.validity[2]).toMatchObject(failed)
  })

  it('has its codes beside its row on the leaderboard, in every form', async () => {
    const args = ['leaderboard', '--valid', 'false']
    const markdown = await cli(...args, '--format', 'markdown')
    expect(markdown.stdout).toMatch(/\(not valid\) \| run\\_failed/)
    expect((await cli(...args, '--format', 'csv')).stdout).toMatch(/,false,.*run_failed/)
    const { rows } = await parsed(...args)
    expect(rows).toMatchObject([{ valid: false, placement: { reason: 'invalid' } }])
    expect(rows[0].findings[0]).toBe('run_failed')
  })

  it('has it in comparisons, windows, scores, a place on the board, and against CodeCarbon', async () => {
    const two = await parsed('compare', GOOD, FAILED)
    expect(two.validity).toMatchObject([{ run_id: GOOD, valid: true }, failed])
    expect((await cli('compare', GOOD, FAILED)).stdout).toContain(WORDS)
    // Of one experiment: the ranking leaves the failed run out of the mean, and names it all the same.
    const three = `/compare?run=${GOOD}&run=${FAILED}&run=${CUT}`
    expect(await http(three)).toMatchObject({
      validity: [{ run_id: GOOD }, failed, { run_id: CUT, outcome: 'interrupted' }],
    })
    const report = ['report', FAILED, '--format', 'vega', '--out', 'charts.json']
    expect((await cli(...report)).stderr).toContain(WORDS)
    expect((await parsed(...report)).validity).toMatchObject(failed)
    expect(await http(`/runs/${FAILED}/windows`)).toMatchObject({ validity: failed })
    const score = await cli('score', FAILED, '0.5', '--dataset', 'mmlu')
    expect(score.stderr).toContain(WORDS)
    const board = join(ROOT, 'test/fixtures/importers/ai-energy-score/text_generation.csv')
    expect((await cli('import', board)).code).toBe(0)
    expect((await parsed('energy-score', FAILED)).validity).toMatchObject(failed)
    expect((await cli('energy-score', FAILED)).stderr).toContain(WORDS)
    const emissions = join(server.dir, 'emissions.csv')
    await cli('export', GOOD, '--format', 'codecarbon', '--out', emissions)
    expect((await cli('reconcile', FAILED, emissions)).stdout).toContain(WORDS)
    expect((await parsed('reconcile', FAILED, emissions)).validity).toMatchObject(failed)
  })
})

describe('a statement', () => {
  it('holds the validity of each of its runs, and names those that did not complete', async () => {
    const made = statementSchema.parse(await parsed('statement', 'create', '--zone', 'DE'))
    const { run_id: _, ...validity } = { ...failed, run_id: null }
    expect(made.document.runs.find((r) => r.run_id === FAILED)?.validity).toMatchObject(validity)
    const id = made.statement_id.slice(0, 12)
    const { stdout } = await cli('statement', 'show', id)
    expect(stdout).toContain('Of 3 runs 2 are invalid or did not complete')
    expect(stdout).toContain(WORDS)
    expect((await cli('statement', 'verify', id)).code).toBe(0)
  })

  it('of nothing is refused with a remedy, and nothing is stored', async () => {
    const before = (await http('/statements')) as { statements: unknown[] }
    const refused = await cli('statement', 'create', '--model', 'none')
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('No run fits the filters, so there is nothing to state.')
    const response = await fetch(`${server.api}/statements?model=none`, {
      method: 'POST',
      body: '{}',
    })
    const { status, code, detail } = (await response.json()) as ProblemBody
    expect([status, code]).toEqual([422, 'nothing_to_state'])
    expect(detail).toContain('give other filters')
    expect(await http('/statements')).toEqual(before)
  })

  it('of runs that are not finished is refused, and says so', async () => {
    await register(server.api, runText({ run_id: 'run-4-open', model: 'open-1b', outcome: null }))
    const refused = await cli('statement', 'create', '--model', 'open-1b')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(
      'No run that fits the filters has energy to state: 1 not finished.',
    )
  })
})
