import type { IntensitySeries } from '../../analysis/schema/factor.ts'

/** Why a publisher gave no factors. */
export const MISS_CODES = {
  not_configured: 'no key is given for it',
  unknown_zone: 'it does not know the zone',
  unauthorized: 'it refused the key',
  rate_limited: 'it asks to be asked less often',
  server_error: 'it failed',
  timeout: 'it did not answer in time',
  unreachable: 'no connection to it could be made',
  unreadable: 'its answer is not what its documentation says',
  no_data: 'it has no factor for this time',
} as const
export type MissCode = keyof typeof MISS_CODES

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
