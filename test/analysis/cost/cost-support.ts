import {
  type EnergyTimeline,
  type EnergyTimelineInput,
  energyTimelineSchema,
} from '../../../analysis/schema/energy-timeline.ts'
import {
  type Scenario,
  type ScenarioInput,
  scenarioSchema,
} from '../../../analysis/schema/scenario.ts'

export const UJ_PER_KWH = 3.6e12

/** A timeline of kWh between instants, all of one GPU counter. */
export function timelineOf(
  intervals: readonly (readonly [from: string | null, to: string | null, kwh: number])[],
  more: Partial<EnergyTimelineInput> = {},
): EnergyTimeline {
  return energyTimelineSchema.parse({
    run_id: 'r1',
    boundary: 'gpu',
    seconds: 3600,
    intervals: intervals.map(([from, to, kwh]) => ({
      from,
      to,
      energies: { gpu: { energy_uj: Math.round(kwh * UJ_PER_KWH), method: 'counter' } },
    })),
    tokens: { input: 1_000_000, output: 2_000_000, good: 1_000_000 },
    requests: 1000,
    requests_good: 500,
    gpus: 1,
    gpu_hours_reserved: 1,
    ...more,
  })
}

export const scenarioOf = (more: Partial<ScenarioInput> = {}): Scenario =>
  scenarioSchema.parse({ scenario_version: 1, id: 's', ...more })

export const factor = (value: number, more: object = {}) => ({
  factor: { value, source: 'by hand', ...more },
})
