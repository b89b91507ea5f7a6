import { describe, expect, test } from 'vitest'
import { definitionOf } from '../../analysis/definition.ts'
import { answersOf } from '../../analysis/requests/answer.ts'
import { request, runOf } from '../support/run-fixture.ts'

const of = (fixture: Parameters<typeof runOf>[0]) => {
  const run = runOf(fixture)
  return definitionOf(run, answersOf(run))
}
const commanded = (command: string) => ({
  experiment: {
    model: 'm',
    engine: { name: 'openai', launcher: 'command', base_url: 'http://127.0.0.1:1/v1', command },
  },
})

describe('what the numbers of a run are numbers of', () => {
  test('is model, weights, engine, precision, dataset and token source', () => {
    const experiment = {
      model: { id: 'm' },
      engine: { name: 'openai' },
      data: { source: 'file', path: 'a.jsonl' },
    }
    const environment = { engine: { model_info: { sha256: 'abc', quantisation: 'Q4_K_M' } } }
    const requests = [
      request('a', 0, 1, 2, 5),
      request('b', 0, 1, 2, 5, { output_tokens: null }),
      request('c', 0, 1, 2, 5),
    ]
    expect(of({ experiment, environment, requests })).toEqual({
      model: 'm',
      weights: 'abc',
      engine: 'openai',
      precision: 'Q4_K_M',
      dataset: '{"path":"a.jsonl","source":"file"}',
      token_source: 'usage',
    })
  })
  test('has the precision that is stated, else that of the engine, else of its command', () => {
    expect(of(commanded('vllm serve m --dtype half --quantization=awq')).precision).toBe('half awq')
    expect(
      of({ ...commanded('vllm serve m --dtype half'), environment: { precision: 'fp8' } })
        .precision,
    ).toBe('fp8')
    expect(of(commanded('vllm serve m')).precision).toBeNull()
  })
  test('does not say what the record does not', () => {
    expect(of({ experiment: {} })).toEqual({
      model: null,
      weights: null,
      engine: null,
      precision: null,
      dataset: null,
      token_source: null,
    })
  })
})
