import { energySources } from '../estimators/energy-source.ts'
import { withRange } from '../estimators/uncertainty.ts'
import { marksOf } from '../marked-windows.ts'
import { eventsOf } from '../readings/event-detail.ts'
import type { RunData } from '../readings/run-data.ts'
import { usedDevices } from '../readings/used-devices.ts'
import {
  BESIDE_COMPONENTS,
  type Beside,
  type BesideCompared,
  type BesideComponent,
  type BesideEvent,
  besideEventSchema,
} from '../schema/beside.ts'
import { phaseWindow, type Window, windowSeconds } from '../window.ts'
import { BESIDE_COUNTER_S, whyDiffers } from './beside-why.ts'
import { deviceEnergy } from './device-energy.ts'
import { type ScopedEnergy, together } from './scoped-energy.ts'

/**
 * What other tools told of the same windows, each figure against ours of the same devices, with the reasons why they
 * differ as far as they can be computed, and what is left.
 * Source: docs/metrics.md, "Other tools".
 */
export const besideOf = (run: RunData): Beside[] =>
  eventsOf(run, 'beside', besideEventSchema).map(({ detail }) => besideOne(run, detail))

function besideOne(run: RunData, told: BesideEvent): Beside {
  const window = windowNamed(run, told.window)
  const parts = told.parts.filter((p) => p.energy_j != null)
  const total_j = parts.reduce((sum, p) => sum + (p.energy_j as number), 0)
  return {
    tool: told.tool,
    version: told.version ?? null,
    window: told.window,
    seconds: told.seconds ?? null,
    ours_s: window === null ? null : windowSeconds(window),
    total_j: parts.length === 0 ? null : total_j,
    compared: told.failure != null || window === null ? [] : comparisons(run, told, window),
    notes: told.notes,
    failure:
      told.failure ??
      (window === null ? `The run holds no window ${told.window} to compare it with.` : null),
  }
}

/** Phase measure with its drain, as the tools are asked to measure; or a window that a program marked. */
function windowNamed(run: RunData, name: string): Window | null {
  if (name !== 'measure') {
    const mark = marksOf(run).find((m) => `window:${m.id}` === name)
    return mark === undefined || windowSeconds(mark.window) <= 0 ? null : mark.window
  }
  const measure = phaseWindow(run, 'measure')
  if (measure === null) return null
  const drain = phaseWindow(run, 'drain')
  return { ...measure, end_ns: Math.max(measure.end_ns, drain?.end_ns ?? measure.end_ns) }
}

function comparisons(run: RunData, told: BesideEvent, window: Window): BesideCompared[] {
  return BESIDE_COMPONENTS.flatMap((component) => {
    const device_ids = ourDevices(run, told, component)
    const theirs = told.parts.filter((p) => p.component === component)
    // What neither of both tells is no row.
    if (theirs.length === 0 && !expected(run, component, device_ids)) return []
    return compare(run, told, window, component, device_ids)
  })
}

/** A tool that tells nothing of the GPUs in use, or of what is measured here, is missing something. */
const expected = (run: RunData, component: BesideComponent, device_ids: readonly string[]) =>
  device_ids.length > 0 &&
  (component === 'gpu' ||
    energySources(run).some((s) => s.scope === SCOPE[component] && s.measured))

const SCOPE: Readonly<Record<BesideComponent, string | null>> = {
  gpu: null,
  cpu: 'package',
  dram: 'dram',
}

/** The devices that a tool's figure is of: those that it names, the GPUs in use, or all packages and memory. */
function ourDevices(run: RunData, told: BesideEvent, component: BesideComponent): string[] {
  if (component !== 'gpu') {
    const own = energySources(run).filter((s) => s.scope === SCOPE[component])
    const measured = own.filter((s) => s.measured)
    return [...new Set((measured.length > 0 ? measured : own).map((s) => s.device_id))]
  }
  const named = told.parts.flatMap((p) => (p.component === 'gpu' && p.device_id ? p.device_id : []))
  if (named.length > 0) return [...new Set(named)]
  const whole = new Map(
    run.devices
      .filter((d) => d.kind === 'gpu' || d.kind === 'gpu_instance')
      .map((d) => [d.device_id, d.parent_device_id ?? d.device_id]),
  )
  const used = usedDevices(run).flatMap((id) => whole.get(id) ?? [])
  return [...new Set(used.length > 0 ? used : whole.values())]
}

function compare(
  run: RunData,
  told: BesideEvent,
  window: Window,
  component: BesideComponent,
  device_ids: readonly string[],
): BesideCompared {
  const within = (w: Window): ScopedEnergy =>
    together(device_ids.map((id) => deviceEnergy(run, id, w, SCOPE[component])))
  const parts = told.parts.filter((p) => p.component === component)
  const values = parts.flatMap((p) => p.energy_j ?? [])
  // A sum that lacks one of its parts is no sum.
  const theirs_j = values.length === 0 || values.length < parts.length ? null : total(values)
  const how = parts[0]?.how ?? null
  const ours = device_ids.length === 0 ? null : within(window)
  const ours_j = ours?.energy_j ?? null
  const { why, unexplained_j } = whyDiffers({
    ...{ told, window, component, theirs_j, how, ours, within },
    refresh_s: BESIDE_COUNTER_S[component],
  })
  const range =
    ours === null || ours_j === null
      ? null
      : withRange({ value: ours_j, unit: 'J', parts: ours.components })
  return {
    component,
    device_ids: [...device_ids],
    theirs_j,
    how,
    ours_j,
    ours_low_j: range?.low ?? null,
    ours_high_j: range?.high ?? null,
    ours_source: ours?.source ?? null,
    difference_pct:
      !theirs_j || ours_j === null || ours_j <= 0 ? null : (100 * (theirs_j - ours_j)) / ours_j,
    why,
    unexplained_j,
  }
}

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
