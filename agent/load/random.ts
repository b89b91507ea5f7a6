import { createHash } from 'node:crypto'

/** A stream of random numbers of its own: what one purpose draws never shifts what another draws. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  next(): number
  /** Uniform whole number in [low, high]. */
  int(low: number, high: number): number
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number
}

/**
 * The random stream of one purpose, from the root seed and the purpose's name.
 * Generator: xoshiro128**, Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021;
 * its 128 bits of state are the first of SHA-256("seed/purpose/...").
 */
export function createRandom(seed: number, ...purpose: readonly (string | number)[]): Random {
  const digest = createHash('sha256')
    .update([seed, ...purpose].join('/'))
    .digest()
  let a = digest.readUInt32LE(0)
  let b = digest.readUInt32LE(4)
  let c = digest.readUInt32LE(8)
  let d = digest.readUInt32LE(12)
  const word = () => {
    const x = Math.imul(b, 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9)
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << 11) | (d >>> 21)
    return result >>> 0
  }
  const next = () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992
  return {
    next,
    int: (low, high) => low + Math.floor(next() * (high - low + 1)),
    // Box and Muller; 1 - u keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  }
}
