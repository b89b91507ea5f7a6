import { curveBuilder, holeKind, type PowerCurve, SEGMENT } from './power-curve.ts'

/** A straight piece of power, and the index of the curve that it is from; -1: between two. */
interface Piece {
  readonly start_ns: number
  readonly end_ns: number
  readonly from_w: number
  readonly to_w: number
  readonly kind: number
  readonly owner: number
}

export interface SplicedCurve {
  readonly curve: PowerCurve
  /** Of each piece the index of the curve that it is from; -1: between two. */
  readonly owner: readonly number[]
}

/**
 * Several curves of one power as one: each instant by the first that knows it. What none knows between two pieces is
 * bridged by a straight line, up to the limit of every hole. So the energy of two spans that adjoin is that of both together, and
 * what the first covers stays as it is.
 * Source: docs/metrics.md, "Energy", choice.
 */
export function splicedCurve(curves: readonly PowerCurve[]): SplicedCurve {
  const known = curves.map(piecesOf).reduce(filled, [])
  const builder = curveBuilder(known[0]?.start_ns ?? 0, 2 * known.length)
  const owner: number[] = []
  let before: Piece | null = null
  for (const piece of known) {
    if (before !== null && piece.start_ns > before.end_ns) {
      const kind = holeKind(piece.start_ns - before.end_ns)
      builder.add(piece.start_ns, before.to_w, piece.from_w, kind)
      owner.push(-1)
    }
    builder.add(piece.end_ns, piece.from_w, piece.to_w, piece.kind)
    owner.push(piece.owner)
    before = piece
  }
  return { curve: builder.done(), owner }
}

/** What a curve knows: its pieces without its gaps. */
function piecesOf(curve: PowerCurve, owner: number): Piece[] {
  const pieces: Piece[] = []
  for (let i = 0; i < curve.pieces; i++)
    if (curve.kind[i] !== SEGMENT.gap)
      pieces.push({
        start_ns: curve.edge_ns[i] as number,
        end_ns: curve.edge_ns[i + 1] as number,
        from_w: curve.from_w[i] as number,
        to_w: curve.to_w[i] as number,
        kind: curve.kind[i] as number,
        owner,
      })
  return pieces
}

/** The base with the other's pieces where it has none. */
function filled(base: readonly Piece[], other: readonly Piece[]): Piece[] {
  const out: Piece[] = []
  let from = 0
  let end_ns = Number.NEGATIVE_INFINITY
  const fill = (until_ns: number): void => {
    while (from < other.length && (other[from] as Piece).end_ns <= end_ns) from++
    for (let i = from; i < other.length && (other[i] as Piece).start_ns < until_ns; i++)
      out.push(clipped(other[i] as Piece, end_ns, until_ns))
  }
  for (const piece of base) {
    if (piece.start_ns > end_ns) fill(piece.start_ns)
    out.push(piece)
    end_ns = piece.end_ns
  }
  fill(Number.POSITIVE_INFINITY)
  return out
}

function clipped(piece: Piece, after_ns: number, until_ns: number): Piece {
  const start_ns = Math.max(piece.start_ns, after_ns)
  const end_ns = Math.min(piece.end_ns, until_ns)
  const slope = (piece.to_w - piece.from_w) / (piece.end_ns - piece.start_ns)
  const at = (t: number) => piece.from_w + slope * (t - piece.start_ns)
  return {
    ...piece,
    start_ns,
    end_ns,
    from_w: start_ns === piece.start_ns ? piece.from_w : at(start_ns),
    to_w: end_ns === piece.end_ns ? piece.to_w : at(end_ns),
  }
}
