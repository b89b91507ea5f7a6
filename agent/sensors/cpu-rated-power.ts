export interface RatedPower {
  /** Rated (thermal design) power, W: of the whole package, or of the share that this many cores are of it. */
  readonly tdp_w: number
  /** Assumed draw with all cores idle, W. */
  readonly idle_w: number
  /** Where the figure comes from, in words. */
  readonly basis: string
}

interface Family {
  readonly pattern: RegExp
  /** Rated watts for each hardware thread that the system shows. */
  readonly w_per_thread: number
  readonly basis: string
}

/**
 * Rated power by processor family, W for each thread, as of 2026-11 from the makers' product pages: a mid-range
 * part's TDP over its threads. A virtual machine shows only some threads of a package, so a figure for the package would
 * be wrong there by its share.
 */
const FAMILIES: readonly Family[] = [
  {
    pattern: /Xeon.*(Platinum|Gold|Silver)|Xeon.*6\d{3}|Sapphire|Emerald|Granite/i,
    w_per_thread: 3.3,
    basis: 'Xeon Scalable, 350 W for 104 threads',
  },
  { pattern: /Xeon/i, w_per_thread: 4, basis: 'Xeon, 130 W for 32 threads' },
  { pattern: /EPYC/i, w_per_thread: 2.2, basis: 'EPYC, 280 W for 128 threads' },
  { pattern: /Threadripper/i, w_per_thread: 4.4, basis: 'Threadripper, 280 W for 64 threads' },
  {
    pattern: /Ryzen.*\b\d{4}(U|HS|H|HX)\b|Ryzen AI/i,
    w_per_thread: 1.9,
    basis: 'Ryzen mobile, 30 W for 16 threads',
  },
  { pattern: /Ryzen/i, w_per_thread: 6.5, basis: 'Ryzen desktop, 105 W for 16 threads' },
  {
    pattern: /Core.*(\d{4,5}(U|P|Y)\b|Ultra.*\d{3}(U|V)\b)/i,
    w_per_thread: 1.9,
    basis: 'Core mobile, 15 W for 8 threads',
  },
  {
    pattern: /Core.*\d{4,5}(H|HX|HK|HQ)\b|Core.*Ultra.*\dH/i,
    w_per_thread: 2.8,
    basis: 'Core mobile H, 45 W for 16 threads',
  },
  { pattern: /Core/i, w_per_thread: 5.2, basis: 'Core desktop, 125 W for 24 threads' },
  { pattern: /Apple M\d/i, w_per_thread: 3, basis: 'Apple M, 30 W for 10 threads' },
  {
    pattern: /Graviton|Neoverse|Ampere|Altra/i,
    w_per_thread: 2,
    basis: 'Arm server, 250 W for 128 threads',
  },
]

/** A package that nothing is known of. */
const UNKNOWN = { w_per_thread: 4, basis: 'unknown processor, 65 W for 16 threads' }
/** Idle draw as a share of rated power: servers and desktops lie between 0.1 and 0.3. */
const IDLE_SHARE = 0.2

/** Rated and idle watts of what the system shows of a processor. */
export function ratedPower(model: string, threads: number): RatedPower {
  const family = FAMILIES.find(({ pattern }) => pattern.test(model)) ?? UNKNOWN
  const tdp_w = Math.max(1, threads) * family.w_per_thread
  return { tdp_w, idle_w: tdp_w * IDLE_SHARE, basis: family.basis }
}
