/** LLEM_FUZZ=20 looks twenty times as long, in every fuzzer. */
const EFFORT = Number(process.env['LLEM_FUZZ'] ?? 1)

/** How many cases a fuzzer tries, of so many in a usual run. */
export const fuzzRuns = (cases: number): number => cases * EFFORT
