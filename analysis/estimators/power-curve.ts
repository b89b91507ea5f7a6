import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'

/** measured: the source covers it; bridged: a short hole, drawn straight; gap: a hole too long to bridge. */
export const SEGMENT = { measured: 0, bridged: 1, gap: 2 } as const

/**
 * Power of one source over time, in adjoining straight pieces: what a window's energy is the integral of, whatever
 * the source. Piece i runs from `edge_ns[i]` to `edge_ns[i + 1]`, from `from_w[i]` to `to_w[i]` watts.
 */
export interface PowerCurve {
  readonly pieces: number
  readonly edge_ns: Float64Array
  readonly from_w: Float64Array
  readonly to_w: Float64Array
  readonly kind: Uint8Array
}

export interface Integral {
  /** Joules of what is covered or bridged. */
  readonly energy_j: number
  readonly covered_s: number
  readonly bridged_s: number
  readonly gap_s: number
  /** True where the curve reaches over both ends. */
  readonly bracketed: boolean
}

export interface CurveBuilder {
  add(end_ns: number, from_w: number, to_w: number, kind: number): void
  done(): PowerCurve
}

/** Builds a curve from `start_ns` on; pieces without length are left out. */
export function curveBuilder(start_ns: number, capacity: number): CurveBuilder {
  const edge_ns = new Float64Array(capacity + 1)
  const from = new Float64Array(capacity)
  const to = new Float64Array(capacity)
  const kinds = new Uint8Array(capacity)
  edge_ns[0] = start_ns
  let n = 0
  return {
    add(end_ns, from_w, to_w, kind) {
      if (end_ns <= (edge_ns[n] as number)) return
      edge_ns[n + 1] = end_ns
      from[n] = from_w
      to[n] = to_w
      kinds[n] = kind
      n += 1
    },
    done: () => ({
      pieces: n,
      edge_ns: edge_ns.subarray(0, n + 1),
      from_w: from.subarray(0, n),
      to_w: to.subarray(0, n),
      kind: kinds.subarray(0, n),
    }),
  }
}

/**
 * A hole is bridged up to the limit, and lost beyond it.
 * @param spacing_ns the usual distance of readings: that of a slow source is no hole, nor half of it more
 */
export function holeKind(hole_ns: number, spacing_ns = 0): number {
  const longest_ns = Math.max(THRESHOLDS.bridge_s * NS_PER_S, SLOW_SPACINGS * spacing_ns)
  return hole_ns <= longest_ns ? SEGMENT.bridged : SEGMENT.gap
}

const SLOW_SPACINGS = 1.5

/** Index of the first element above x, in an ascending list. */
export function firstAbove(list: ArrayLike<number>, x: number, length = list.length): number {
  let low = 0
  let high = length
  while (low < high) {
    const mid = (low + high) >> 1
    if ((list[mid] as number) > x) high = mid
    else low = mid + 1
  }
  return low
}

/** Energy under the curve between two times, with what of them it covers. */
export function integrate(curve: PowerCurve, start_ns: number, end_ns: number): Integral {
  const { pieces, edge_ns, from_w, to_w, kind } = curve
  const seconds: [number, number, number] = [0, 0, 0]
  let energy_j = 0
  for (let i = Math.max(firstAbove(edge_ns, start_ns) - 1, 0); i < pieces; i++) {
    const a = edge_ns[i] as number
    const b = edge_ns[i + 1] as number
    if (a >= end_ns) break
    const from = Math.max(a, start_ns)
    const to = Math.min(b, end_ns)
    if (to <= from) continue
    const s = (to - from) / NS_PER_S
    const k = kind[i] as 0 | 1 | 2
    seconds[k] += s
    if (k === SEGMENT.gap) continue
    const p = from_w[i] as number
    const slope = ((to_w[i] as number) - p) / (b - a)
    energy_j += (p + slope * ((from + to) / 2 - a)) * s
  }
  return {
    energy_j,
    covered_s: seconds[0],
    bridged_s: seconds[1],
    gap_s: seconds[2],
    bracketed:
      pieces > 0 && (edge_ns[0] as number) <= start_ns && (edge_ns[pieces] as number) >= end_ns,
  }
}

/** Index of the piece that holds the instant (left-open, right-closed); -1 outside the curve. */
export function pieceAt(curve: PowerCurve, t_ns: number): number {
  const i = curve.edge_ns[0] === t_ns ? 0 : firstAtLeast(curve.edge_ns, t_ns) - 1
  return i >= 0 && i < curve.pieces ? i : -1
}

/** Watts at an instant; null outside the curve and in its gaps. */
export function wattsAt(curve: PowerCurve, t_ns: number): number | null {
  const i = pieceAt(curve, t_ns)
  if (i < 0 || curve.kind[i] === SEGMENT.gap) return null
  const a = curve.edge_ns[i] as number
  const b = curve.edge_ns[i + 1] as number
  const p = curve.from_w[i] as number
  return p + (((curve.to_w[i] as number) - p) * (t_ns - a)) / (b - a)
}

/** Index of the first element at or above x, in an ascending list. */
export function firstAtLeast(list: ArrayLike<number>, x: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const mid = (low + high) >> 1
    if ((list[mid] as number) >= x) high = mid
    else low = mid + 1
  }
  return low
}
