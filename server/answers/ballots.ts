import { randomBytes } from 'node:crypto'

/** What a token votes on. */
export interface BallotPaper {
  readonly prompt_sha256: string
  readonly left_set_id: string
  readonly right_set_id: string
  readonly zone: string | undefined
}

export interface Ballots {
  /** A new token for one vote. */
  issue(paper: BallotPaper): string
  /** undefined: not issued, or too long ago. */
  find(token: string): BallotPaper | undefined
  used(token: string): void
}

const MOST = 10_000
const HOLDS_MS = 24 * 3_600_000

/**
 * Tokens that were handed out and not voted with. Kept in memory alone: a look at a pair must not write to the database,
 * and a token that says its pair in itself could be read.
 * @param now ISO 8601
 */
export function createBallots(now: () => string): Ballots {
  const open = new Map<string, BallotPaper & { readonly at: number }>()
  const time = () => Date.parse(now())
  return {
    issue(paper) {
      const token = randomBytes(18).toString('base64url')
      open.set(token, { ...paper, at: time() })
      const [oldest] = open.keys()
      if (open.size > MOST && oldest !== undefined) open.delete(oldest)
      return token
    },
    find(token) {
      const paper = open.get(token)
      return paper === undefined || time() - paper.at > HOLDS_MS ? undefined : paper
    },
    used: (token) => void open.delete(token),
  }
}
