import { html } from 'hono/html'
import { calibrationFor, unusedCalibrations } from '../../analysis/estimators/calibration.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import type { Calibration } from '../../analysis/schema/calibration.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import type { Markup } from './markup.ts'
import { sourceWords } from './metric-words.ts'
import { fixed, utcText } from './number-text.ts'

/** Which of the sources that were counted are corrected by a calibration, and which calibrations are not applied. */
export function calibrationNotes(run: RunData, summary: Summary): readonly Markup[] {
  const used = summary.devices.flatMap((d) =>
    (d.provenance ?? '').split('+').flatMap((source) => {
      const found = calibrationFor(run, d.device_id, source)
      return found === null ? [] : [found]
    }),
  )
  return [...used.map(usedNote), ...unusedCalibrations(run).map(unusedNote)]
}

const named = (c: Calibration): string => `${sourceWords(c.source)} of ${c.device_id}`

const usedNote = (c: Calibration): Markup =>
  html`<p class="note">The ${named(c)} is calibrated: gain ${fixed(c.gain, 4)} ± ${fixed(c.gain_u, 4)}, offset
    ${fixed(c.offset_w, 2)} ± ${fixed(c.offset_u_w, 2)} W (standard), against ${c.meter}, ${utcText(c.measured_at)}.
    ${
      c.sees === 'node'
        ? `The meter saw the whole node: the gain is of what changes with the load${
            c.psu_efficiency == null
              ? ''
              : `, where the supply passes on ${c.psu_efficiency} ± ${c.psu_efficiency_u ?? 0}`
          }, and idle power is as it was read. `
        : ''
    }The stored readings are as they were read.</p>`

const unusedNote = (c: Calibration): Markup =>
  html`<p class="note">The calibration of the ${named(c)} was made under driver ${c.driver_version}, so it is not applied
    here.</p>`
