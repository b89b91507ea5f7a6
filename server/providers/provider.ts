import type { IntensitySeries } from '../../analysis/schema/factor.ts'

/** Why a publisher gave no factors. */
export type MissCode =
  | 'not_configured'
  | 'unknown_zone'
  | 'unauthorized'
  | 'rate_limited'
  | 'server_error'
  | 'timeout'
  | 'unreachable'
  /** Its answer is not what its documentation says. */
  | 'unreadable'
  | 'no_data'

export interface Miss {
  readonly miss: MissCode
  /** One sentence: who, what, and the remedy. */
  readonly message: string
}

/** One factor, for a half-open span of UTC. */
export interface FactorPoint {
  readonly from_ms: number
  readonly to_ms: number
  readonly g_per_kwh: number
  readonly estimated: boolean
}

/** Everything an adapter takes from outside. */
export interface ProviderWorld {
  readonly env: Readonly<Record<string, string | undefined>>
  /** At most ten seconds an answer. */
  readonly timeout_ms: number
}

/** Publisher of factors over time. It is asked only by `factors fetch`: never within a measurement, nor for a total. */
export interface Provider {
  readonly name: string
  readonly title: string
  /** Environment variables with its keys; without them it is off. */
  readonly keys: readonly string[]
  /** What all of its factors are, as a series of a scenario states it. */
  readonly meaning: Pick<IntensitySeries, 'source' | 'basis' | 'scope' | 'kind' | 'licence' | 'u'>
  /** Of a zone whose name does not matter. */
  readonly zone: string | null
  /** Points in order of time; hours without a value are left out. */
  fetchSeries(
    world: ProviderWorld,
    zone: string,
    from_ms: number,
    to_ms: number,
  ): Promise<readonly FactorPoint[] | Miss>
}

export const isMiss = (answer: object): answer is Miss => 'miss' in answer
