import type { EnergyEstimate } from '../estimators/energy-estimate.ts'
import type { Reason } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import type { Window } from '../window.ts'

/** Energy of one device and scope over one window: the chosen estimate, and all of them. */
export interface EnergyFacts {
  readonly device_id: string
  readonly scope: string | null
  readonly window: Window
  readonly seconds: number
  readonly energy_j: number | null
  readonly reason: Reason | null
  /** The chosen one's source and method; null where there is none. */
  readonly source: string | null
  readonly method: EnergyEstimate['method'] | null
  /** False for an estimate: shown, never counted in totals. */
  readonly measured: boolean
  readonly power_mean_w: number | null
  readonly covered_s: number
  readonly bridged_s: number
  readonly samples: number
  readonly components: readonly Component[]
  readonly chosen: EnergyEstimate | null
  readonly estimates: readonly EnergyEstimate[]
}
