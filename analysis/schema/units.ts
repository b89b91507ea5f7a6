/** Units that a value can carry, as they are written in summaries, CSV headers and axis titles. */
export const UNITS = [
  '1',
  '%',
  'J',
  'W',
  's',
  'ms',
  'ns',
  'J/token',
  'J/request',
  'J/image',
  'J/video',
  'token/s',
  'token/s/GPU',
  'token/s/W',
  'token/J',
  'token',
  'request',
  'request/s',
  'image/s',
  'video/s',
  'request/J',
  '1/J',
  'J·s',
  'tokens²/s/J',
  'C',
  'MHz',
  'B',
  'MiB',
  'mW',
  'uW',
  'mJ',
  'uJ',
  'bitmask',
] as const
export type Unit = (typeof UNITS)[number]

export const NS_PER_S = 1e9
export const NS_PER_MS = 1e6
export const MJ_PER_J = 1e3
export const UJ_PER_J = 1e6
export const MW_PER_W = 1e3
export const UW_PER_W = 1e6
export const J_PER_KWH = 3_600_000
export const BYTES_PER_MIB = 1_048_576
