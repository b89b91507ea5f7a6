import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../../../agent/engines/engine.ts'
import { readGguf } from '../../../agent/engines/gguf.ts'
import { RANDOM_SHAPES, writeRandomGguf } from '../../../agent/engines/random-gguf.ts'

let dir: string
let path: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llem-gguf-'))
  path = join(dir, 'tiny.gguf')
  await writeRandomGguf(path, RANDOM_SHAPES['random-tiny'], 1)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

describe('random weights', () => {
  it('say what they are', async () => {
    // Width 128, 4 heads of 32, 2 of keys and values (64), feed-forward 256, 320 tokens. Per layer: norms 2 x 128;
    // q, output 2 x 128 x 128; k, v 2 x 128 x 64; gate, up, down 3 x 128 x 256: 256 + 32768 + 16384 + 98304 = 147712.
    // 4 x 147712 + 320 x 128 + 128 = 631936.
    expect(await readGguf(path)).toEqual({
      architecture: 'llama',
      name: 'random weights, seed 1',
      quantisation: 'Q8_0',
      parameters: 631_936,
      layers: 4,
      embedding_length: 128,
      context_tokens: 4096,
      heads: 4,
      kv_heads: 2,
      synthetic_weights: true,
    })
  })

  it('are the same for the same seed and others for another', async () => {
    const [a, b] = [join(dir, 'a.gguf'), join(dir, 'b.gguf')]
    await writeRandomGguf(a, RANDOM_SHAPES['random-tiny'], 1)
    await writeRandomGguf(b, RANDOM_SHAPES['random-tiny'], 2)
    expect((await readFile(a)).equals(await readFile(path))).toBe(true)
    expect((await readFile(b)).equals(await readFile(path))).toBe(false)
  })

  it('of the full shape have as many parameters as SmolLM2-135M', async () => {
    const { layers, width, feed_forward, heads, kv_heads, vocabulary } = RANDOM_SHAPES.random
    const kv = (width / heads) * kv_heads
    const layer = 2 * width + 2 * width * width + 2 * width * kv + 3 * width * feed_forward
    expect(layers * layer + vocabulary * width + width).toBe(134_515_008)
  })
})

describe('reading a GGUF file', () => {
  it('names a missing file and the remedy', async () => {
    await expect(readGguf(join(dir, 'none.gguf'))).rejects.toThrow(
      /none\.gguf does not exist; give model\.path/,
    )
  })

  it('names a truncated file with the expected and the actual size', async () => {
    const cut = join(dir, 'cut.gguf')
    await copyFile(path, cut)
    const { length } = await readFile(path)
    await truncate(cut, length - 1000)
    await expect(readGguf(cut)).rejects.toThrow(
      `cut.gguf is truncated: ${length} bytes expected, ${length - 1000} there`,
    )
  })

  it('names a file that is something else', async () => {
    const other = join(dir, 'other.gguf')
    await writeFile(other, 'version https://git-lfs.github.com/spec/v1')
    await expect(readGguf(other)).rejects.toThrow(
      /other\.gguf is no GGUF file \(42 bytes, beginning with "vers"\)/,
    )
    await writeFile(other, '')
    await expect(readGguf(other)).rejects.toThrow(/no GGUF file \(0 bytes/)
  })

  it('answers or refuses whatever bytes it is given', async () => {
    const whole = await readFile(path)
    const head = whole.subarray(0, 20_000)
    const damaged = join(dir, 'damaged.gguf')
    await fc.assert(
      fc.asyncProperty(
        fc.nat(head.length - 1),
        fc.uint8Array({ minLength: 1, maxLength: 12 }),
        fc.boolean(),
        async (at, bytes, cut) => {
          const copy = Buffer.from(cut ? head.subarray(0, at) : head)
          copy.set(bytes.subarray(0, Math.max(0, copy.length - at)), Math.min(at, copy.length))
          await writeFile(damaged, copy)
          await readGguf(damaged).catch((error) => expect(error).toBeInstanceOf(EngineError))
        },
      ),
      { numRuns: 150 },
    )
  })
})
