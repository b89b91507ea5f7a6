import { MOST_CHUNK_TOKENS, MOST_TOKENS } from '../schema/token-count.ts'

/**
 * Limits of the validity codes that speak of requests, as data: a change that moves any result raises `version`
 * and is told in CHANGELOG.md. Source: docs/metrics.md, "Validity".
 */
export const REQUEST_THRESHOLDS = {
  version: 1,

  failures_caution: 0.01,
  failures_invalid: 0.05,
  /** Most tokens that a response or a prompt can have, and that one chunk can bring: above it a count is not believed. */
  tokens_max: MOST_TOKENS,
  chunk_tokens_max: MOST_CHUNK_TOKENS,
  /** Share of the requests with a count that is not believed. */
  unbelievable_invalid: 0.05,
  /** Share by which summed chunk tokens may differ from the engine's own count. */
  token_disagreement: 0.02,
  /** Share of gaps between chunks that are zero. */
  coalesced: 0.05,
  balance_caution: 0.05,
  balance_invalid: 0.15,
  short_steady_caution_s: 20,
  short_steady_info_s: 60,
  cache_hit_rate: 0.05,
  /** Share of the slots that the engine must keep running in a saturated window. */
  batch_utilisation: 0.85,

  /** p99 of the send lag over the mean gap between arrivals. */
  send_lag_share: 0.1,
  /** Below this a lag says nothing about the client. */
  send_lag_floor_ms: 2,
  loop_delay_share_of_tpot: 0.1,
  loop_delay_floor_ms: 5,
  offered_share: 0.99,
  event_loop_utilisation: 0.85,
  gc_pause_ms: 50,

  /** Poisson arrivals are judged from so many on. */
  dispersion_arrivals: 100,
  /** Each tail of the 99.9 % band. */
  dispersion_tail: 0.0005,
  /** Even arrivals may be so far from their grid. */
  constant_deviation_ms: 2,

  /** A trend over ten slices: Spearman's rank correlation (p about 0.05) and a drift over this share. */
  trend_rank_correlation: 0.65,
  trend_slices: 10,
  trend_drift: 0.05,
} as const
