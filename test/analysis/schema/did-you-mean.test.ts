import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { didYouMean, nearest } from '../../../analysis/schema/did-you-mean.ts'
import { parseStudy } from '../../../analysis/schema/study.ts'

describe('nearest', () => {
  it.each([
    ['limt', 'limit'],
    ['modle', 'model'],
    ['LIMIT', 'limit'],
    ['gpu', 'gpu_model'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, ['cursor', 'limit', 'model', 'gpu_model'])).toBe(meant)
  })

  it('guesses nothing where all are far, or several go on from it', () => {
    expect(nearest('colour', ['limit', 'cursor'])).toBeNull()
    expect(nearest('started', ['started_from', 'started_to'])).toBeNull()
    expect(nearest('x', ['y'])).toBeNull()
  })
})

describe('didYouMean', () => {
  const load = z.union([
    z.strictObject({ shape: z.literal('closed'), concurrency: z.number() }),
    z.strictObject({ shape: z.literal('constant'), rate: z.number() }),
  ])
  const schema = z.strictObject({
    load: z.preprocess((v) => v, load.optional()),
    rows: z.array(z.strictObject({ site: z.string() })).default([]),
  })

  it('looks where the key stands: in sections, alternatives and lists', () => {
    expect(didYouMean('concurency', schema, ['load'])).toBe('concurrency')
    expect(didYouMean('rat', schema, ['load'])).toBe('rate')
    expect(didYouMean('sites', schema, ['rows', 3])).toBe('site')
    expect(didYouMean('concurency', schema)).toBeNull()
  })

  it('finds a key one section too high', () => {
    expect(didYouMean('rate', schema)).toBe('load.rate')
  })

  it('helps in a configuration', () => {
    const faults = (input: unknown) => {
      try {
        return parseStudy(input)
      } catch (error) {
        return String((error as Error).message)
      }
    }
    const good = { model: 'm', engine: { name: 'openai', base_url: 'http://h' } }
    expect(faults({ ...good, load: { concurency: 4 } })).toBe(
      'load.concurency: is not a known key; did you mean concurrency? Else see llem-agent config schema',
    )
    expect(faults({ ...good, concurrency: 4 })).toContain('did you mean load.concurrency?')
    expect(faults({ ...good, colour: 4 })).toBe(
      'colour: is not a known key; see llem-agent config schema',
    )
  })
})
