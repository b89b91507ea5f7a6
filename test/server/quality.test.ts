import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Ballot,
  ballotSchema,
  type Pairs,
  pairsSchema,
  type Ratings,
  type Reveal,
  ratingsSchema,
  revealSchema,
} from '../../analysis/schema/quality.ts'
import { AnswerError } from '../../server/answers/answer-error.ts'
import { readAnswers, storeAnswers } from '../../server/answers/import-answers.ts'
import { createRateLimit } from '../../server/rate-limit.ts'
import { givenFiles } from '../../server/results/files.ts'
import { readResultFile } from '../../server/store/results.ts'
import { drawSvg } from '../../server/web/svg.ts'
import { sendAnswers, sha } from './answers-run.ts'
import { problem, type Served, sendRun, served } from './served.ts'

const NOW = '2026-02-01T00:00:00.000Z'
const PROMPTS = ['one', 'two', 'three', 'four']
const SECRETS = ['alpha-7b', 'beta-1b', 'run-alpha', 'run-beta', sha('one'), 'energy', 'joule']

let server: Served
let dir: string
beforeAll(async () => {
  server = await served()
  dir = mkdtempSync(join(tmpdir(), 'llem-answers-'))
  const { api } = server
  await sendAnswers(api, 'run-alpha', {
    ...{ model: 'alpha-7b', watts: 400, prompts: PROMPTS, says: 'A long reply' },
  })
  await sendAnswers(api, 'run-beta', {
    ...{ model: 'beta-1b', watts: 200, prompts: [...PROMPTS.slice(1), 'five'], says: 'Short' },
  })
  await sendRun(api, 'run-silent')
})
afterAll(async () => {
  await server.close()
  rmSync(dir, { recursive: true, force: true })
})

const get = (path: string) => fetch(server.api + path)
const post = (path: string, body: unknown) =>
  fetch(server.api + path, { method: 'POST', body: JSON.stringify(body) })
async function pairs(query: string): Promise<Pairs> {
  const answer = await get(`/pairs?${query}`)
  expect(answer.status).toBe(200)
  return pairsSchema.parse(await answer.json())
}
const next = async (query = ''): Promise<Ballot> =>
  ballotSchema.parse(await (await get(`/pairs/next${query}`)).json())
async function vote(body: unknown): Promise<Reveal> {
  const answer = await post('/votes', body)
  expect(answer.status).toBe(201)
  return revealSchema.parse(await answer.json())
}
const ratings = async (query = ''): Promise<Ratings> =>
  ratingsSchema.parse(await (await get(`/ratings${query}`)).json())

describe('GET /pairs', () => {
  it('shows the answers to the same prompts with joules and seconds', async () => {
    const found = await pairs('a=run-alpha&b=run-beta')
    expect(found).toMatchObject({ shared_prompts: 3, next_cursor: null, carbon: null })
    expect(found.a).toEqual({ set_id: 'run-alpha', model: 'alpha-7b', answers: 4 })
    expect(found.pairs.map((p) => p.prompt).sort()).toEqual(['four', 'three', 'two'])
    const two = found.pairs.find((p) => p.prompt === 'two')
    expect(two).toMatchObject({ prompt_sha256: sha('two') })
    expect(two?.a).toMatchObject({
      output: 'A long reply to two',
      model: 'alpha-7b',
      run_id: 'run-alpha',
    })
    // Last token 1.5 s after it was sent: 0.5 s to the first, ten gaps of 0.1 s.
    expect(two?.a.e2e_s).toBeCloseTo(1.5, 9)
    const { requests } = (await (await get('/runs/run-alpha/requests')).json()) as {
      requests: { request_id: string; energy_j: number }[]
    }
    expect(two?.a.energy_j).toBe(requests.find((r) => r.request_id === two?.a.request_id)?.energy_j)
    expect(two?.a.energy_j).toBeGreaterThan(1.9 * (two?.b.energy_j as number))
    expect(two?.a).toMatchObject({ carbon_g: null, carbon_reason: 'not_asked' })
  })

  it('gives grams in a zone, and a reason in one that no table knows', async () => {
    const found = await pairs('a=run-alpha&b=run-beta&zone=DE')
    const { a } = found.pairs[0] as Pairs['pairs'][number]
    const factor = found.carbon?.g_per_kwh as number
    expect(factor).toBeGreaterThan(100)
    expect(a.carbon_g).toBeCloseTo(((a.energy_j as number) / 3_600_000) * factor, 12)
    const nowhere = await pairs('a=run-alpha&b=run-beta&zone=XQ')
    expect(nowhere.pairs[0]?.a).toMatchObject({ carbon_g: null, carbon_reason: 'no_zone' })
  })

  it('pages', async () => {
    const first = await pairs('a=run-alpha&b=run-beta&limit=2')
    const rest = await pairs(`a=run-alpha&b=run-beta&limit=2&cursor=${first.next_cursor}`)
    expect([first.pairs.length, rest.pairs.length, rest.next_cursor]).toEqual([2, 1, null])
  })

  it.each([
    ['a=run-alpha&b=run-silent', 422, 'no_answers', 'data.keep_answers'],
    ['a=run-alpha&b=run-alpha', 422, 'same_answers', 'both run-alpha'],
    ['a=run-alpha&b=run-none', 404, 'unknown_run', 'run-none'],
    ['a=run-alpha', 400, 'invalid_query', 'query.b'],
    ['a=run-alpha&b=run-beta&c=1', 400, 'invalid_query', 'query.c'],
    ['a=run-alpha&b=run-beta&limit=1000', 400, 'invalid_query', 'query.limit'],
  ])('refuses %s in words', async (query, status, code, words) => {
    const answer = await get(`/pairs?${query}`)
    expect(answer.status).toBe(status)
    const said = await problem(answer)
    expect([said.code, said.detail]).toEqual([code, expect.stringContaining(words)])
  })
})

describe('a blind vote', () => {
  it('shows no name, run, hash or joule before it, and both orders come up', async () => {
    const lefts = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const answer = await get('/pairs/next')
      expect(answer.headers.get('cache-control')).toBe('no-store')
      const text = await answer.text()
      for (const secret of SECRETS) expect(text).not.toContain(secret)
      const ballot = ballotSchema.parse(JSON.parse(text))
      expect(Buffer.from(ballot.token, 'base64url').toString('latin1')).not.toContain('run-')
      lefts.add(ballot.left.output.startsWith('Short') ? 'beta' : 'alpha')
    }
    // One order alone in 20 draws: one in half a million.
    expect(lefts.size).toBe(2)
  })

  it('is stored once, and then tells whose the answers are and what they took', async () => {
    const before = (await ratings()).votes
    const ballot = await next('?a=run-alpha&b=run-beta&zone=DE')
    const alpha = ballot.left.output.startsWith('A long') ? 'left' : 'right'
    const told = await vote({ token: ballot.token, choice: alpha })
    const [won, lost] = alpha === 'left' ? [told.left, told.right] : [told.right, told.left]
    expect(won).toMatchObject({ model: 'alpha-7b', set_id: 'run-alpha', carbon_reason: null })
    expect(lost).toMatchObject({ model: 'beta-1b', set_id: 'run-beta' })
    // An answer outside of the counted window has no joules, and then nothing is compared.
    if (won.energy_j === null || lost.energy_j === null) expect(told.extra_energy_pct).toBeNull()
    else expect(told.extra_energy_pct).toBeCloseTo(100 * (won.energy_j / lost.energy_j - 1), 9)
    const again = await post('/votes', { token: ballot.token, choice: 'tie' })
    expect([again.status, (await problem(again)).code]).toEqual([409, 'voted_already'])
    expect((await ratings()).votes).toBe(before + 1)
    const worth = await post(`/votes/${told.vote_id}/worth_it`, { worth_it: false })
    expect(worth.status).toBe(201)
    const twice = await post(`/votes/${told.vote_id}/worth_it`, { worth_it: true })
    expect(twice.status).toBe(409)
    const rated = (await ratings()).entrants.find((e) => e.entrant === 'alpha-7b')
    expect(rated).toMatchObject({ not_worth_it: 1, worth_it: 0 })
  })

  it('counts one of many votes that come with one token at the same time', async () => {
    const before = (await ratings()).votes
    const { token } = await next()
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post('/votes', { token, choice: 'tie' })),
    )
    expect(answers.map((a) => a.status).sort()).toEqual([201, ...new Array(7).fill(409)])
    expect((await ratings()).votes).toBe(before + 1)
  })

  it('takes what the extra energy is worth along with the vote', async () => {
    const { token, left } = await next('?a=run-alpha&b=run-beta')
    const choice = left.output.startsWith('A long') ? 'left' : 'right'
    const told = await vote({ token, choice, worth_it: true })
    expect((await post(`/votes/${told.vote_id}/worth_it`, { worth_it: true })).status).toBe(409)
    const rated = (await ratings()).entrants.find((e) => e.entrant === 'alpha-7b')
    expect(rated?.worth_it).toBe(1)
  })

  it.each([
    [{ token: 'nonsense', choice: 'left' }, 404, 'unknown_token'],
    [{ token: 'x', choice: 'middle' }, 422, 'invalid_body'],
    [{ choice: 'left' }, 422, 'invalid_body'],
    [{ token: 'x', choice: 'left', model: 'alpha-7b' }, 422, 'invalid_body'],
    [{ token: 'x', choice: 'left', worth_it: 'yes' }, 422, 'invalid_body'],
    [{ token: 'x'.repeat(101), choice: 'left' }, 422, 'invalid_body'],
    [{ token: 'x'.repeat(5_000_000), choice: 'left' }, 413, 'too_large'],
    [[], 422, 'invalid_body'],
  ])('refuses a body of another shape (%#)', async (body, status, code) => {
    const answer = await post('/votes', body)
    expect([answer.status, (await problem(answer)).code]).toEqual([status, code])
  })

  it('says of a vote that is not there that it is not', async () => {
    const answer = await post('/votes/none/worth_it', { worth_it: true })
    expect([answer.status, (await problem(answer)).code]).toEqual([404, 'unknown_vote'])
    const half = await get('/pairs/next?a=run-alpha')
    expect([half.status, (await problem(half)).code]).toEqual([400, 'invalid_query'])
  })
})

describe('answers that were written by other tools', () => {
  const file = (name: string, lines: readonly unknown[]) => {
    const path = join(dir, name)
    writeFileSync(path, lines.map((l) => JSON.stringify(l)).join('\n'))
    return givenFiles(path)[0] as ReturnType<typeof givenFiles>[number]
  }
  const line = (more: object = {}) => ({
    ...{ prompt_id: 'p2', prompt: 'two', model: 'gamma', output: 'by hand', energy_j: 12.5 },
    ...more,
  })
  const refusal = (lines: readonly unknown[]): string => {
    try {
      readAnswers(file('bad.ndjson', lines), true)
    } catch (error) {
      if (error instanceof AnswerError) return error.message
      throw error
    }
    return 'taken'
  }

  it('stand beside those of runs, with the file that they came in', async () => {
    const read = readAnswers(
      file('good.ndjson', [line(), line({ prompt: 'six', prompt_id: 6 })]),
      false,
    )
    if (read === null) throw new Error('not seen as answers')
    expect(await storeAnswers(server.store, read, NOW)).toEqual({ inserted: 2, same: 0 })
    expect(await storeAnswers(server.store, read, NOW)).toEqual({ inserted: 0, same: 2 })
    const kept = await readResultFile(server.store.db, read.file_sha256)
    expect(kept?.name).toBe('good.ndjson')
    const found = await pairs('a=answers:gamma&b=run-beta')
    expect(found.pairs).toHaveLength(1)
    expect(found.pairs[0]?.a).toMatchObject({
      ...{ output: 'by hand', energy_j: 12.5, energy_low_j: null, model: 'gamma', run_id: null },
      ...{ e2e_s: null, e2e_reason: 'not_recorded', valid: null },
    })
    const ofRun = (model: string, prompt: string) => {
      const found = readAnswers(
        file(`${model}.ndjson`, [line({ model, prompt, run_id: 'run-x' })]),
        false,
      )
      return storeAnswers(server.store, found as typeof read, NOW)
    }
    await ofRun('gamma', 'seven')
    await expect(ofRun('delta', 'eight')).rejects.toThrow(/run-x has answers of gamma and of delta/)
    const other = readAnswers(file('other.ndjson', [line({ output: 'unlike' })]), false)
    await expect(storeAnswers(server.store, other as typeof read, NOW)).rejects.toThrow(
      /line 1: answers:gamma has answered this prompt already, with another output/,
    )
  })

  it('are known by their content, packed too; files of other tools are not theirs', () => {
    writeFileSync(join(dir, 'one.ndjson.gz'), gzipSync(JSON.stringify(line())))
    const [packed] = givenFiles(join(dir, 'one.ndjson.gz'))
    expect(readAnswers(packed as never, false)?.answers).toHaveLength(1)
    expect(readAnswers(file('tool.json', [{ model: 'x', score: 1 }]), false)).toBeNull()
    expect(readAnswers(file('list.json', [[1, 2]]), false)).toBeNull()
  })

  it('are refused with the line, the field and the bad value', () => {
    expect(refusal([line(), line({ prompt: 'x', energy_j: -1 })])).toMatch(
      /line 2: energy_j is -1; .*Nothing was imported\./,
    )
    expect(refusal([line(), line({ prompt: 'x', colour: 'red' })])).toMatch(
      /line 2: colour is not known/,
    )
    expect(refusal([line({ output: '' })])).toMatch(/line 1: output/)
    expect(refusal([line(), line()])).toMatch(/line 2: answers the same prompt .* as line 1/)
    const run = { run_id: 'run-x' }
    expect(refusal([line(run), line({ ...run, prompt: 'x', model: 'delta' })])).toMatch(
      /line 2: run-x has answers of gamma and of delta; a run is of one model/,
    )
    expect(refusal(['text'])).toMatch(/Nothing was imported/)
  })
})

describe('GET /ratings', () => {
  it('rates by votes, with joules, and draws itself', async () => {
    const own = await served()
    try {
      // The first request lies outside of the window, where no joules are told; prompts are drawn at random.
      const prompts = [undefined, ...PROMPTS.slice(1)]
      await sendAnswers(own.api, 'run-a', { model: 'a', watts: 400, prompts, says: 'A' })
      await sendAnswers(own.api, 'run-b', { model: 'b', watts: 200, prompts, says: 'B' })
      const asked = async (path: string, body?: unknown) =>
        (
          await fetch(own.api + path, body ? { method: 'POST', body: JSON.stringify(body) } : {})
        ).json()
      // a wins three, b one: ln(3.5 / 1.5) = 0.847298, half of it above and below.
      for (const winner of ['A', 'A', 'B', 'A']) {
        const { token, left } = (await asked('/pairs/next')) as Ballot
        await asked('/votes', { token, choice: left.output.startsWith(winner) ? 'left' : 'right' })
      }
      const found = ratingsSchema.parse(await asked('/ratings'))
      expect(found).toMatchObject({ by: 'model', votes: 4, groups: [['a', 'b']] })
      const [a, b] = found.entrants
      expect(a?.rating.value).toBeCloseTo(0.423649, 5)
      expect(b?.rating.value).toBeCloseTo(-0.423649, 5)
      expect(a).toMatchObject({ entrant: 'a', wins: 3, losses: 1, ties: 0, frontier: true })
      expect(b?.frontier).toBe(true)
      const joules = a?.energy_per_answer_j
      expect(joules?.low).toBeLessThan(joules?.value as number)
      expect((await asked('/ratings?by=run')) as Ratings).toMatchObject({
        groups: [['run-a', 'run-b']],
      })
      const warnings: string[] = []
      const spec = (await asked('/ratings?format=vega')) as never
      const svg = await drawSvg(spec, 'q', (w) => warnings.push(w))
      expect([svg.startsWith('<svg '), svg.includes('NaN'), warnings]).toEqual([true, false, []])
    } finally {
      await own.close()
    }
  })

  it('answers nothing of nothing', async () => {
    const own = await served()
    try {
      expect(await (await fetch(`${own.api}/ratings`)).json()).toMatchObject({
        votes: 0,
        entrants: [],
        groups: [],
      })
      const none = await fetch(`${own.api}/pairs/next`)
      expect([none.status, (await problem(none)).code]).toEqual([404, 'no_pairs'])
    } finally {
      await own.close()
    }
  })

  it('refuses what it does not know', async () => {
    expect((await get('/ratings?by=colour')).status).toBe(400)
  })
})

describe('the pace of votes', () => {
  it('allows a burst, then one every so often, each caller on its own', () => {
    let ms = Date.parse(NOW)
    const allow = createRateLimit({ burst: 3, every_ms: 1000 }, () => new Date(ms).toISOString())
    for (let i = 0; i < 3; i++) allow('x')
    expect(() => allow('x')).toThrow(/at most 3 at once, then one every 1 s\. Wait 1 s/)
    allow('y')
    ms += 1000
    allow('x')
    expect(() => allow('x')).toThrow()
  })

  it('answers 429 with the seconds to wait to whom it is too fast', async () => {
    const own = await served()
    try {
      const statuses = await Promise.all(
        Array.from({ length: 120 }, () =>
          fetch(`${own.api}/votes`, { method: 'POST', body: '{"token":"x","choice":"tie"}' }),
        ),
      )
      const refused = statuses.filter((a) => a.status === 429)
      expect(refused.length).toBeGreaterThan(0)
      expect(refused[0]?.headers.get('retry-after')).toBe('1')
    } finally {
      await own.close()
    }
  })
})
