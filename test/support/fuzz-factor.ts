/** How many cases a fuzzer tries: n, or with LLEM_FUZZ_FACTOR=10 ten times as many. */
export const fuzzRuns = (n: number): number =>
  Math.ceil(n * Number(process.env['LLEM_FUZZ_FACTOR'] ?? 1))
