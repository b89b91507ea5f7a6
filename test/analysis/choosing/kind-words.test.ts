import { describe, expect, it } from 'vitest'
import { kindText } from '../../../analysis/choosing/kind-words.ts'

const data = (value: unknown) => `data ${JSON.stringify(value)}`

describe('kindText', () => {
  it.each([
    ['task gpqa, energy of the GPUs', { work: 'task gpqa', scope: 'gpu' }],
    [
      'synthetic prompts of 32 tokens in and 24 out, energy of the processors and the memory',
      {
        work: data({
          source: 'synthetic',
          input_tokens: 32,
          output_tokens: 24,
          keep_answers: false,
        }),
        scope: 'package, dram',
      },
    ],
    [
      'synthetic prompts of about 512 tokens in and 16 to 64 out, answers kept, seed 3',
      {
        work: data({
          source: 'synthetic',
          input_tokens: { dist: 'normal', mean: 512, sd: 9, min: 1, max: 999 },
          output_tokens: { dist: 'uniform', min: 16, max: 64 },
          keep_answers: true,
          seed: 3,
        }),
        scope: null,
      },
    ],
    ['neither task nor data told', { work: 'neither task nor data told', scope: null }],
    ['data {broken, energy of rack', { work: 'data {broken', scope: 'rack' }],
    [
      'task gpqa, GPU model H100',
      { work: 'task gpqa', scope: null, gpu_model: 'H100', engine: null },
    ],
  ])('is %j', (words, group) => {
    expect(kindText(group)).toBe(words)
  })
})
