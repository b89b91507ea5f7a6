import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  distinctLabels,
  type Labelled,
  labelled,
  plainLabel,
  runLabels,
} from '../../../analysis/schema/label.ts'

const config = (load: object, more: object = {}) => ({
  model: { id: 'qwen-8b', path: null },
  engine: { name: 'openai', base_url: 'http://a:1/v1', options: {} },
  load: { shape: 'closed', concurrency: 1, seed: 1, ...load },
  ...more,
})
const H100 = { gpu_model: 'NVIDIA H100 80GB HBM3', num_gpus: 1 }
const run = (load: object, facts: object = {}, more: object = {}, name: string | null = null) =>
  labelled(name, config(load, more), { model: 'qwen-8b', engine: 'openai', ...H100, ...facts })

describe('the label of a run', () => {
  it('is what varies among the runs at hand', () => {
    expect(runLabels([run({ concurrency: 1 }), run({ concurrency: 4 })])).toEqual([
      'concurrency 1',
      'concurrency 4',
    ])
  })

  it('names settings and then models, over a sweep of both', () => {
    const rows = [4, 16].flatMap((concurrency) =>
      ['qwen-8b', 'llama-1b'].map((model) => run({ concurrency }, { model })),
    )
    expect(runLabels(rows)).toEqual([
      'concurrency 4, model qwen-8b',
      'concurrency 4, model llama-1b',
      'concurrency 16, model qwen-8b',
      'concurrency 16, model llama-1b',
    ])
  })

  it('leaves out what follows from the model: its path, its precision', () => {
    const rows = [
      labelled(null, config({}, { model: { id: 'a', path: 'a.gguf' } }), {
        model: 'a',
        precision: 'Q8_0',
      }),
      labelled(null, config({}, { model: { id: 'b', path: 'b.gguf' } }), {
        model: 'b',
        precision: 'F16',
      }),
    ]
    expect(runLabels(rows)).toEqual(['model a', 'model b'])
  })

  it('does not speak of addresses, seeds and sensors, which change nothing that is measured', () => {
    const a = labelled('x', { ...config({ seed: 1 }), sensors: { interval_ms: 100 } }, {})
    const other = config({ seed: 2 })
    const b = labelled(
      'x',
      {
        ...other,
        engine: { ...other.engine, base_url: 'http://b:2/v1' },
        sensors: { interval_ms: 20 },
      },
      {},
    )
    expect(runLabels([a, b])).toEqual(['x', 'x'])
  })

  it('is model, engine and GPU where nothing varies, or of one run', () => {
    expect(runLabels([run({})])).toEqual(['qwen-8b, openai, H100'])
    expect(plainLabel(run({}, { num_gpus: 8, precision: 'bf16' }))).toBe(
      'qwen-8b bfloat16, openai, 8 × H100',
    )
  })

  it('is the name where nothing but the names varies', () => {
    expect(runLabels([run({}, {}, {}, 'before'), run({}, {}, {}, 'after')])).toEqual([
      'before',
      'after',
    ])
  })

  it('says that a value is unset, and takes the section where two paths end alike', () => {
    const rows = [
      run({ rate: 4 }, {}, { data: { input_tokens: 128 } }),
      run({ rate: null }, {}, { data: { input_tokens: 512 } }),
    ]
    expect(runLabels(rows)).toEqual(['rate 4, input tokens 128', 'rate unset, input tokens 512'])
    const alike = [run({ x: 1 }, {}, { data: { x: 3 } }), run({ x: 2 }, {}, { data: { x: 4 } })]
    expect(runLabels(alike)).toEqual(['load x 1, data x 3', 'load x 2, data x 4'])
  })

  it('takes, of many differences, those that set most runs apart', () => {
    // Five settings differ; concurrency alone has a value of its own in each run.
    const rows = [1, 2, 3, 4].map((i) =>
      run({ concurrency: i, a: i % 2, b: i > 2, c: i === 1, d: i === 2 ? 'x' : 'y' }),
    )
    expect(runLabels(rows)).toEqual([1, 2, 3, 4].map((i) => `concurrency ${i}`))
  })

  it('numbers equal ones only where they must be kept apart', () => {
    const rows = [run({}), run({})]
    expect(runLabels(rows)).toEqual(['qwen-8b, openai, H100', 'qwen-8b, openai, H100'])
    expect(distinctLabels(rows)).toEqual(['qwen-8b, openai, H100 (1)', 'qwen-8b, openai, H100 (2)'])
  })

  it('of a measured program is its command', () => {
    const program = (...words: string[]): Labelled =>
      labelled(null, { kind: 'measure', command: words }, {})
    expect(runLabels([program('python', 'a.py'), program('python', 'b.py')])).toEqual([
      'python a.py',
      'python b.py',
    ])
    expect(runLabels([program('sleep', '3')])).toEqual(['sleep 3'])
  })

  const setting = fc.record({
    concurrency: fc.integer({ min: 1, max: 3 }),
    requests: fc.option(fc.integer({ min: 1, max: 2 }), { nil: null }),
    model: fc.constantFrom('a', 'b'),
  })
  it('keeps runs of up to three differing settings apart, and equal ones equal', () => {
    fc.assert(
      fc.property(fc.array(setting, { minLength: 1, maxLength: 8 }), (settings) => {
        const labels = runLabels(settings.map(({ model, ...load }) => run(load, { model })))
        settings.forEach((a, i) => {
          settings.forEach((b, j) => {
            const same = JSON.stringify(a) === JSON.stringify(b)
            expect(labels[i] === labels[j]).toBe(same)
          })
        })
      }),
    )
  })

  it('keeps candidates apart always, where that is asked of it', () => {
    fc.assert(
      fc.property(fc.array(setting, { maxLength: 8 }), (settings) => {
        const labels = distinctLabels(settings.map(({ model, ...load }) => run(load, { model })))
        expect(new Set(labels).size).toBe(labels.length)
      }),
    )
  })
})
