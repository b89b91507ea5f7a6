import { type Maybe, unknown } from '../../analysis/schema/reason.ts'

/**
 * What no GPU reads in earnest. Source: docs/measuring.md, "Readings that can't be".
 */
const POWER_OVER_TDP = 4
/** Where the rated power is not known. */
const POWER_MAX_MW = 10_000_000
const TEMPERATURE_C = [-40, 150] as const
const CLOCK_MAX_MHZ = 10_000

/** How a reading is judged: what can't be is null with the reason. */
export type Judge = (reading: Maybe) => Maybe

const within =
  (low: number, high: number): Judge =>
  (reading) =>
    reading.value !== null && (reading.value < low || reading.value > high)
      ? unknown('implausible')
      : reading

/**
 * Power in mW. 0 is what the driver writes where it does not know: a powered GPU always draws something.
 * @param tdp_mw rated power of what is measured; null: unknown
 */
export const plausiblePower = (tdp_mw: number | null): Judge =>
  within(1, tdp_mw === null ? POWER_MAX_MW : POWER_OVER_TDP * tdp_mw)

/** A limit or a counter of energy: 0 means that the driver does not know. */
export const aboveZero: Judge = within(1, Number.MAX_SAFE_INTEGER)

export const plausibleTemperature: Judge = within(...TEMPERATURE_C)
/** Boards without the sensor read 0 °C. */
export const plausibleMemoryTemperature: Judge = within(1, TEMPERATURE_C[1])
export const plausibleClock: Judge = within(0, CLOCK_MAX_MHZ)
export const plausibleShare: Judge = within(0, 100)
/** Bytes in use, of so many. */
export const plausibleMemory = (total_bytes: number | null): Judge =>
  within(0, total_bytes ?? Number.MAX_SAFE_INTEGER)
export const asRead: Judge = (reading) => reading
