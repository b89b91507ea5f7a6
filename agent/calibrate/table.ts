import pc from 'picocolors'
import {
  CALIBRATION_REFUSALS,
  type CalibrateReport,
  type CalibrationResult,
} from '../../analysis/schema/calibrate.ts'
import type { Calibration } from '../../analysis/schema/calibration.ts'

type Colours = ReturnType<typeof pc.createColors>

/** What the steps of one device say, in 80 columns. */
export function calibrateTable(report: CalibrateReport, colour: boolean): string {
  const c = pc.createColors(colour)
  return [
    c.bold(`${report.model ?? 'Device'} ${c.dim(report.device_id)}`),
    `against ${report.meter}, under driver ${report.driver_version ?? 'unknown'}`,
    ...report.results.flatMap((r) => ['', ...resultLines(r, c)]),
    '',
    ...report.assumptions.flatMap((a) => wrapped(a)),
  ].join('\n')
}

function resultLines(r: CalibrationResult, c: Colours): string[] {
  const steps = r.steps.map(
    (s) =>
      `  ${`${Math.round(100 * s.level)} %`.padStart(5)}  ${watts(s.read_w, s.read_u_w)}  ${watts(s.meter_w, s.meter_u_w)}  ${s.others_w === 0 ? '       –' : s.others_w.toFixed(1).padStart(8)}  ${s.residual_w === null ? '       –' : signed(s.residual_w, 2).padStart(8)}`,
  )
  const head =
    steps.length === 0
      ? []
      : [c.dim('   load     sensor, W           meter, W      others, W  residual, W')]
  if (r.calibration === null)
    return [
      `${c.bold(r.source)}: ${c.yellow('not calibrated')}, ${CALIBRATION_REFUSALS[r.refusal ?? 'no_sensor']}`,
      ...wrapped(r.why ?? ''),
      ...head,
      ...steps,
    ]
  return [
    `${c.bold(r.source)}: ${calibrationWords(r.calibration)}`,
    `  the gain's ± from: ${r.parts.map((p) => `${p.name} ${p.value.toFixed(4)}`).join(', ')}; reduced chi-square ${(r.chi_square_reduced ?? 0).toFixed(2)}`,
    ...head,
    ...steps,
  ]
}

const watts = (value: number, u: number): string =>
  `${value.toFixed(1).padStart(8)} ± ${u.toFixed(2).padEnd(6)}`
const signed = (value: number, digits: number): string =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`

/** Gain and offset with their standard uncertainties. */
const calibrationWords = (k: Calibration): string =>
  `gain ${k.gain.toFixed(4)} ± ${k.gain_u.toFixed(4)}, offset ${signed(k.offset_w, 2)} ± ${k.offset_u_w.toFixed(2)} W (standard)`

/** The stored ones, a paragraph each. */
export function storedTable(all: readonly Calibration[], colour: boolean): string {
  const c = pc.createColors(colour)
  return all
    .map((k) =>
      [
        `${c.bold(k.device_id)} ${k.source}`,
        `  ${calibrationWords(k)}`,
        `  against ${k.meter} at ${k.measured_at}, for driver ${k.driver_version ?? 'of any version'}`,
      ].join('\n'),
    )
    .join('\n')
}

const WIDTH = 78
function wrapped(text: string): string[] {
  const lines: string[] = []
  let line = ' '
  for (const word of text.split(' ')) {
    if (line.length + word.length >= WIDTH) {
      lines.push(line)
      line = ' '
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
