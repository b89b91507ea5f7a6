import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson, toJson } from '../../analysis/schema/json.ts'
import { sampleRunFile } from './sample-run.ts'
import { problem, register, type Served, served } from './served.ts'

let server: Served
beforeAll(async () => {
  server = await served()
})
afterAll(() => server.close())

const runOf = (processes: readonly unknown[]): string =>
  toJson({ ...sampleRunFile(), processes: processes as never })

describe('a JSON body of a few megabytes', () => {
  it('with a list without end is refused by its length, before each element is', async () => {
    // It took five seconds to find fault with each of them, and all faults were sent back.
    const { status, code, detail } = await problem(
      await register(server.api, runOf(Array(1_500_000).fill(1))),
    )
    expect([status, code]).toEqual([400, 'invalid_json'])
    expect(detail).toBe(
      "The body can't be read: it holds a list of 1500000 elements; a list has at most 100000.",
    )
  })

  it('with thousands of faults names the first hundred', async () => {
    const refused = await problem(await register(server.api, runOf(Array(50_000).fill(1))))
    expect(refused.code).toBe('invalid_run')
    expect(refused.errors?.length).toBe(101)
    expect(refused.errors?.[99]?.path).toBe('processes.99')
    expect(refused.errors?.[100]).toEqual({
      path: '',
      message: 'has more faults; these are the first 100',
    })
  })

  it('with names that are not known names the first hundred', async () => {
    const keys = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`token${i}`, 1]))
    const response = await fetch(`${server.api}/votes`, {
      method: 'POST',
      body: JSON.stringify({ token: 'x', choice: 'left', ...keys }),
    })
    const refused = await problem(response)
    expect([refused.status, refused.errors?.length]).toEqual([422, 101])
  })

  it('with a number of millions of digits is not computed with', async () => {
    expect(parseJson(`[${'1'.repeat(40)}, ${'1'.repeat(41)}]`)).toEqual([
      BigInt('1'.repeat(40)),
      Number('1'.repeat(41)),
    ])
    expect(parseJson('1'.repeat(4_000_000))).toBe(Number.POSITIVE_INFINITY)
    expect((await register(server.api, '1'.repeat(4_000_000))).status).toBe(422)
  })
})
