import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runScoreSchema, runScoresSchema } from '../../analysis/schema/quality.ts'
import { checkStore } from '../../server/store/check.ts'
import { llemServer } from './program.ts'
import { problem, type Served, sendRun, served, tempDir } from './served.ts'

let server: Served
beforeAll(async () => {
  server = await served()
  for (const run_id of ['run-a', 'run-b']) await sendRun(server.api, run_id)
})
afterAll(() => server.close())

const address = (run: string, dataset: string) =>
  `${server.api}/runs/${run}/scores/${encodeURIComponent(dataset)}`
const put = (run: string, dataset: string, body: unknown) =>
  fetch(address(run, dataset), { method: 'PUT', body: JSON.stringify(body) })
const remove = (run: string, dataset: string) => fetch(address(run, dataset), { method: 'DELETE' })
/** Lone surrogates have no address. */
const wellFormed = (text: string) => Buffer.from(text).toString()
const scores = async (run: string) =>
  runScoresSchema.parse(await (await fetch(`${server.api}/runs/${run}/scores`)).json()).scores
const audited = async (run_id: string) =>
  (
    await server.store.db
      .selectFrom('audit')
      .selectAll()
      .where('run_id', '=', run_id)
      .where('action', '=', 'score_run')
      .orderBy('audit_id')
      .execute()
  ).map((row) => JSON.parse(row.detail))

describe('a score of a run', () => {
  const MMLU = { value: 0.71, low: 0.7, high: 0.72, source: 'lm-eval 0.4.9' }

  it('is attached once a dataset, with its range, its source and who said it', async () => {
    expect(await scores('run-a')).toEqual([])
    const answer = await put('run-a', 'mmlu', MMLU)
    expect(answer.status).toBe(201)
    const score = runScoreSchema.parse(await answer.json())
    expect(score).toMatchObject({ ...MMLU, dataset: 'mmlu', actor: 'local' })
    expect(Date.now() - Date.parse(score.at)).toBeLessThan(60_000)
    expect((await put('run-a', 'gsm8k:strict', { value: 0.5 })).status).toBe(201)
    expect((await scores('run-a')).map((s) => [s.dataset, s.value, s.low])).toEqual([
      ['gsm8k:strict', 0.5, null],
      ['mmlu', 0.71, 0.7],
    ])
    expect(await scores('run-b')).toEqual([])
  })

  it('is the same again without a trace, and another one only where it is said to replace it', async () => {
    const before = (await audited('run-a')).length
    expect((await put('run-a', 'MMLU', MMLU)).status).toBe(200)
    const other = await put('run-a', 'mmlu', { value: 0.8 })
    expect(other.status).toBe(409)
    expect(await problem(other)).toMatchObject({
      code: 'score_there',
      detail: expect.stringContaining(
        'a score of 0.71 on mmlu already. Send replace: true to put 0.8',
      ),
    })
    expect(await audited('run-a')).toHaveLength(before)
    expect((await put('run-a', 'mmlu', { value: 0.8, replace: true })).status).toBe(200)
    expect((await scores('run-a')).find((s) => s.dataset === 'mmlu')).toMatchObject({
      value: 0.8,
      low: null,
      source: null,
    })
    expect((await audited('run-a')).at(-1)).toEqual({
      'scores.mmlu': {
        from: { value: 0.71, low: 0.7, high: 0.72, source: 'lm-eval 0.4.9' },
        to: { value: 0.8, low: null, high: null, source: null },
      },
    })
  })

  it('is taken away, which the audit trail keeps', async () => {
    const gone = await remove('run-a', 'mmlu')
    expect(gone.status).toBe(200)
    expect(await gone.json()).toMatchObject({ removed: { dataset: 'mmlu', value: 0.8 } })
    expect((await scores('run-a')).map((s) => s.dataset)).toEqual(['gsm8k:strict'])
    expect((await audited('run-a')).at(-1)).toMatchObject({ 'scores.mmlu': { to: null } })
    const again = await remove('run-a', 'mmlu')
    expect([again.status, (await problem(again)).code]).toEqual([404, 'unknown_score'])
  })

  it.each([
    ['mmlu', { value: -0.1 }, 422, 'value is -0.1; it must be a number from 0 up'],
    ['mmlu', { value: '0.7' }, 422, 'value'],
    ['mmlu', {}, 422, 'value'],
    ['mmlu', { value: 0.7, low: 0.6 }, 422, 'high must be given with low'],
    ['mmlu', { value: 0.7, low: 0.75, high: 0.8 }, 422, 'low is 0.75; it must not be above'],
    ['mmlu', { value: 0.7, low: 0.6, high: 0.65 }, 422, 'high is 0.65; it must not be below'],
    ['mmlu', { value: 0.7, note: 'x' }, 422, 'note is not known here'],
    ['mm lu', { value: 0.7 }, 400, 'path.dataset is "mm lu"; it must be a name such as mmlu'],
    ['x'.repeat(101), { value: 0.7 }, 400, 'path.dataset'],
  ])('on %s of %j is refused in words', async (dataset, body, status, words) => {
    const answer = await put('run-b', dataset, body)
    expect(answer.status).toBe(status)
    expect((await problem(answer)).detail).toContain(words)
    expect(await scores('run-b')).toEqual([])
  })

  it('of no run is refused', async () => {
    for (const answer of [
      await put('nobody', 'mmlu', { value: 1 }),
      await remove('nobody', 'mmlu'),
    ])
      expect([answer.status, (await problem(answer)).code]).toEqual([404, 'unknown_run'])
  })

  it('of any dataset and body is stored whole or refused whole', async () => {
    const value = fc.oneof(
      fc.double(),
      fc.jsonValue(),
      fc.constantFrom(null, -0, 1e308, -1, '0.7', '__proto__'),
    )
    const body = fc.oneof(
      fc.record(
        { value, low: value, high: value, source: value, replace: value },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    )
    const name = fc.oneof(
      fc.constantFrom('mmlu', 'a:b', '__proto__', '..', '.', '%', 'é'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 120 }),
    )
    await fc.assert(
      fc.asyncProperty(name, body, async (dataset, given) => {
        const before = JSON.stringify(await scores('run-b'))
        const answer = await put('run-b', wellFormed(dataset), given)
        expect([200, 201, 400, 404, 405, 409, 422]).toContain(answer.status)
        const after = await scores('run-b')
        if (answer.status > 201) expect(JSON.stringify(after)).toBe(before)
        else expect(after).toContainEqual(await answer.json())
        for (const s of after)
          expect((s.low ?? 0) <= s.value && s.value <= (s.high ?? Number.POSITIVE_INFINITY)).toBe(
            true,
          )
      }),
      { numRuns: 120 },
    )
    expect(server.log).toEqual([])
    expect((await checkStore(server.store)).problems).toEqual([])
  })
})

describe('llem-server score', () => {
  let dir: string
  beforeAll(async () => {
    dir = tempDir()
    server.store.raw.pragma('wal_checkpoint(TRUNCATE)')
    copyFileSync(server.store.path, join(dir, 'lab.db'))
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))
  const run = (...args: string[]) =>
    llemServer([...args, '--db', join(dir, 'lab.db')], { cwd: dir })

  it('attaches, shows, replaces and takes away', async () => {
    const given = ['score', 'run-a', '0.712', '--dataset', 'mmlu']
    const range = ['--low', '0.705', '--high', '0.719', '--source', 'lm-eval 0.4.9']
    expect(await run(...given, ...range)).toEqual({
      code: 0,
      stdout: 'Attached: 0.712 (0.705 to 0.719) on mmlu to run run-a.\n',
      stderr: '',
    })
    const shown = await run('score', 'run-a')
    expect(shown.stdout).toMatch(/^DATASET +SCORE +95 % RANGE +SOURCE +ATTACHED +BY\n/)
    expect(shown.stdout).toMatch(
      /\nmmlu +0\.712 +0\.705 to 0\.719 +lm-eval 0\.4\.9 +\d{4}-.* local\n/,
    )
    expect(await run('score', 'run-a', '0.8', '--dataset', 'mmlu')).toMatchObject({
      code: 1,
      stdout: '',
      stderr:
        'Run run-a has a score of 0.712 on mmlu already. Give --replace to put 0.8 in its place.\n',
    })
    expect((await run('show', 'run-a')).stdout).toContain(
      '\nScores: 0.5 on gsm8k:strict; 0.712 (0.705 to 0.719) on mmlu.\n',
    )
    const replaced = await run('score', 'run-a', '0.8', '--dataset', 'mmlu', '--replace', '--json')
    expect(JSON.parse(replaced.stdout)).toMatchObject({
      run_id: 'run-a',
      done: 'replaced',
      score: { value: 0.8, dataset: 'mmlu' },
    })
    expect((await run('score', 'run-a', '--dataset', 'mmlu', '--remove')).stdout).toBe(
      'Taken away: 0.8 on mmlu from run run-a.\n',
    )
    const left = runScoresSchema.parse(JSON.parse((await run('score', 'run-a', '--json')).stdout))
    expect(left.scores.map((s) => s.dataset)).toEqual(['gsm8k:strict'])
  })

  it.each([
    [['run-a', 'good', '--dataset', 'mmlu'], 'VALUE is "good"'],
    [['run-a', '0.7'], '--dataset mmlu'],
    [['run-a', '0.7', '--dataset', 'm m'], '--dataset is "m m"'],
    [['run-a', '0.7', '--dataset', 'mmlu', '--low', '0.6'], '--high must be given with low'],
    [
      ['run-a', '0.7', '--dataset', 'mmlu', '--low', '0.8', '--high', '0.9'],
      '--low is 0.8; it must not be above the value',
    ],
    [['run-a', '0.7', '--dataset', 'mmlu', '--low', '', '--high', '1'], '--low'],
    [['run-a', '0x10', '--dataset', 'mmlu'], 'VALUE is "0x10"; it must be a number'],
    [['run-a', '--dataset', 'mmlu'], '--dataset says something of a score, and none is given'],
    [['run-a', '--low', '0.6', '--high', '0.8'], '--low says something of a score'],
    [['run-a', '--replace'], '--replace says something of a score, and none is given. Give VALUE'],
    [['run-a', '0.7', '--dataset', 'mmlu', '--remove'], '--remove takes no value'],
    [
      ['run-a', '--dataset', 'gsm8k:strict', '--remove', '--source', 'x'],
      '--source says something',
    ],
    [['nobody', '0.7', '--dataset', 'mmlu'], 'There is no run "nobody"'],
  ])('refuses %j', async (args, words) => {
    const { code, stdout, stderr } = await run('score', ...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
  })

  it('helps with an example', async () => {
    const help = await llemServer(['score', '--help'])
    expect([help.code, help.stdout.includes('Example:\n  llem-server score last 0.712')]).toEqual([
      0,
      true,
    ])
  })
})
