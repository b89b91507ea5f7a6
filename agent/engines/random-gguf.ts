import { open } from 'node:fs/promises'
import { createRandom, type Random } from '../load/random.ts'

/** The shape of a llama model. Widths are multiples of 32, the block of Q8_0. */
export interface ModelShape {
  readonly layers: number
  readonly width: number
  readonly feed_forward: number
  readonly heads: number
  readonly kv_heads: number
  readonly vocabulary: number
  readonly context_tokens: number
}

export const RANDOM_SHAPES = {
  /** As SmolLM2-135M: the same work a token, 144 MB. */
  random: {
    layers: 30,
    width: 576,
    feed_forward: 1536,
    heads: 9,
    kv_heads: 3,
    vocabulary: 49_152,
    context_tokens: 8192,
  },
  /** For trying things out: under 1 MB. */
  'random-tiny': {
    layers: 4,
    width: 128,
    feed_forward: 256,
    heads: 4,
    kv_heads: 2,
    vocabulary: 320,
    context_tokens: 4096,
  },
} as const satisfies Record<string, ModelShape>

const ALIGNMENT = 32
const F32 = 0
const Q8_0 = 8
const BLOCK = 32
const BLOCK_BYTES = 34

interface Tensor {
  readonly name: string
  /** Fastest first. */
  readonly dimensions: readonly number[]
  readonly type: typeof F32 | typeof Q8_0
}

/**
 * Writes a llama model of random Q8_0 weights from a seed: kernels and times are real, its text is noise. The file
 * says so (`llem.synthetic_weights`), since random operands draw other power than trained ones.
 * @param onProgress share of the bytes written, 0 to 1
 * @throws the system's error (ENOSPC, EACCES, ...)
 * Source of the format: ggml, docs/gguf.md, version 3.
 */
export async function writeRandomGguf(
  path: string,
  shape: ModelShape,
  seed: number,
  onProgress: (fraction: number) => void = () => {},
): Promise<void> {
  const tensors = tensorsOf(shape)
  const total = tensors.reduce((n, t) => n + bytesOf(t), 0)
  const file = await open(path, 'w')
  try {
    await file.writeFile(header(shape, tensors, seed))
    let written = 0
    for (const tensor of tensors) {
      const random = createRandom(seed, 'weights', tensor.name)
      const rows = values(tensor) / (tensor.dimensions[0] as number)
      const row = bytesOf(tensor) / rows
      // Some rows at a time: a large tensor need not lie in memory, and the loop stays free in between.
      const rowsAtOnce = Math.max(1, Math.floor((1 << 20) / row))
      for (let at = 0; at < rows; at += rowsAtOnce) {
        const n = Math.min(rowsAtOnce, rows - at)
        const bytes =
          tensor.type === F32 ? ones((n * row) / 4) : noise((n * row) / BLOCK_BYTES, random)
        await file.writeFile(bytes)
        written += n * row
        onProgress(written / total)
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Every tensor's bytes are a multiple of the alignment, so that none needs padding. */
function tensorsOf(shape: ModelShape): readonly Tensor[] {
  const { width, feed_forward } = shape
  const kv = (width / shape.heads) * shape.kv_heads
  const norm = (name: string): Tensor => ({ name, dimensions: [width], type: F32 })
  const weight = (name: string, ...dimensions: number[]): Tensor => ({
    name,
    dimensions,
    type: Q8_0,
  })
  const layer = (i: number) => [
    norm(`blk.${i}.attn_norm.weight`),
    weight(`blk.${i}.attn_q.weight`, width, width),
    weight(`blk.${i}.attn_k.weight`, width, kv),
    weight(`blk.${i}.attn_v.weight`, width, kv),
    weight(`blk.${i}.attn_output.weight`, width, width),
    norm(`blk.${i}.ffn_norm.weight`),
    weight(`blk.${i}.ffn_gate.weight`, width, feed_forward),
    weight(`blk.${i}.ffn_up.weight`, width, feed_forward),
    weight(`blk.${i}.ffn_down.weight`, feed_forward, width),
  ]
  return [
    weight('token_embd.weight', width, shape.vocabulary),
    norm('output_norm.weight'),
    ...Array.from({ length: shape.layers }, (_, i) => layer(i)).flat(),
  ]
}

const values = (t: Tensor) => t.dimensions.reduce((a, b) => a * b, 1)
const bytesOf = (t: Tensor) => (t.type === F32 ? values(t) * 4 : (values(t) / BLOCK) * BLOCK_BYTES)

function ones(n: number): Uint8Array {
  return new Uint8Array(new Float32Array(n).fill(1).buffer)
}

/** Q8_0 blocks: a 16-bit float scale of 2^-10, then 32 signed bytes. Weights of about 0.07 keep activations finite. */
function noise(blocks: number, random: Random): Uint8Array {
  const bytes = Buffer.allocUnsafe(blocks * BLOCK_BYTES)
  for (let b = 0; b < blocks; b++) {
    const at = b * BLOCK_BYTES
    bytes.writeUInt16LE(0x1400, at)
    for (let i = 2; i < BLOCK_BYTES; i += 4) {
      const word = Math.floor(random.next() * 4294967296)
      bytes.writeUInt32LE(word, at + i)
    }
  }
  return bytes
}

function header(shape: ModelShape, tensors: readonly Tensor[], seed: number): Buffer {
  const { tokens, types } = vocabulary(shape.vocabulary)
  const end = 1
  const pairs: Buffer[] = [
    pair('general.architecture', string('llama')),
    pair('general.name', string(`random weights, seed ${seed}`)),
    pair('general.alignment', u32(ALIGNMENT)),
    pair('general.file_type', u32(7)),
    pair('llem.synthetic_weights', bool(true)),
    pair('llama.block_count', u32(shape.layers)),
    pair('llama.context_length', u32(shape.context_tokens)),
    pair('llama.embedding_length', u32(shape.width)),
    pair('llama.feed_forward_length', u32(shape.feed_forward)),
    pair('llama.attention.head_count', u32(shape.heads)),
    pair('llama.attention.head_count_kv', u32(shape.kv_heads)),
    pair('llama.attention.layer_norm_rms_epsilon', f32(1e-5)),
    pair('llama.rope.dimension_count', u32(shape.width / shape.heads)),
    pair('llama.vocab_size', u32(shape.vocabulary)),
    pair('tokenizer.ggml.model', string('gpt2')),
    pair('tokenizer.ggml.pre', string('smollm')),
    pair('tokenizer.ggml.tokens', list(8, tokens.map(raw))),
    pair('tokenizer.ggml.token_type', list(5, types.map(int))),
    pair('tokenizer.ggml.merges', list(8, [raw('t h')])),
    pair('tokenizer.ggml.bos_token_id', u32(end)),
    pair('tokenizer.ggml.eos_token_id', u32(end)),
  ]
  let offset = 0
  const infos = tensors.map((t) => {
    const info = Buffer.concat([
      raw(t.name),
      int(t.dimensions.length),
      ...t.dimensions.map(long),
      int(t.type),
      long(offset),
    ])
    offset += bytesOf(t)
    return info
  })
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    int(3),
    long(tensors.length),
    long(pairs.length),
    ...pairs,
    ...infos,
  ])
  return Buffer.concat([head, Buffer.alloc((ALIGNMENT - (head.length % ALIGNMENT)) % ALIGNMENT)])
}

/**
 * Three control tokens, the 256 bytes, and names up to the size.
 * The bytes are written as GPT-2 does: printable ones as themselves, the others from U+0100 on.
 */
function vocabulary(size: number): { tokens: string[]; types: number[] } {
  const NORMAL = 1
  const CONTROL = 3
  const control = ['<|pad|>', '<|end|>', '<|unknown|>']
  let shifted = 0
  const bytes = Array.from({ length: 256 }, (_, b) => {
    const printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174
    return String.fromCodePoint(printable ? b : 256 + shifted++)
  })
  // The result of the one merge must be a token.
  const named = ['th', ...Array.from({ length: size - 260 }, (_, i) => `Ġw${i}`)]
  const tokens = [...control, ...bytes, ...named]
  return { tokens, types: tokens.map((_, i) => (i < control.length ? CONTROL : NORMAL)) }
}

function int(n: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(n)
  return bytes
}
function long(n: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(n))
  return bytes
}
function raw(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([long(bytes.length), bytes])
}
const u32 = (n: number) => Buffer.concat([int(4), int(n)])
const f32 = (x: number) => Buffer.concat([int(6), Buffer.from(new Float32Array([x]).buffer)])
const bool = (b: boolean) => Buffer.concat([int(7), Buffer.from([b ? 1 : 0])])
const string = (text: string) => Buffer.concat([int(8), raw(text)])
const list = (type: number, items: readonly Buffer[]) =>
  Buffer.concat([int(9), int(type), long(items.length), ...items])
const pair = (key: string, value: Buffer) => Buffer.concat([raw(key), value])
