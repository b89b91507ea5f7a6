/** A sum of whole numbers that stays exact past 2^53, in plain numbers for as long as they can hold it. */
export class ExactSum {
  #small = 0
  #big = 0n

  add(n: number): void {
    if (Math.abs(n) >= 2 ** 52) this.#big += BigInt(n)
    else this.#small += n
    if (Math.abs(this.#small) >= 2 ** 52) {
      this.#big += BigInt(this.#small)
      this.#small = 0
    }
  }

  addBig(n: bigint): void {
    this.#big += n
  }

  get value(): bigint {
    return this.#big + BigInt(this.#small)
  }
}
