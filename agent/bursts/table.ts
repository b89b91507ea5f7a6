import pc from 'picocolors'
import type {
  BurstErrors,
  BurstForm,
  BurstGroup,
  BurstReport,
} from '../../analysis/schema/bursts.ts'

const NAMES: Readonly<Record<BurstForm, string>> = {
  ring_padded: 'ring, idle around',
  ring_window: 'ring, burst alone',
  polled: 'polled at 100 ms',
  counter: 'counter, gap to gap',
}
const LOADS = { full: 'Full load', constant: 'Constant clocks' } as const

type Colours = ReturnType<typeof pc.createColors>

/** What the bursts of one GPU say, in 80 columns: a table a load. */
export function burstTable(report: BurstReport, colour: boolean): string {
  const c = pc.createColors(colour)
  const loads = [...new Set(report.groups.map((g) => g.load))]
  return [
    c.bold(
      `Bursts of known work on ${report.model ?? 'unknown model'}` +
        (report.limit_w === null ? '' : `, power limit ${Math.round(report.limit_w)} W`),
    ),
    c.dim(report.device_id),
    ...loads.map((load) =>
      [
        '',
        c.bold(LOADS[load]),
        ...report.groups
          .filter((g) => g.load === load)
          .sort((a, b) => a.length_ms - b.length_ms)
          .flatMap((g) => groupLines(g, c)),
      ].join('\n'),
    ),
    '',
    verdict(report, c),
  ].join('\n')
}

function groupLines(group: BurstGroup, c: Colours): string[] {
  const { reference_j, power_w, bursts, seconds } = group
  const spread =
    group.reference_spread_pct === null
      ? 'one source'
      : `sources ${signed(group.reference_spread_pct)} % apart`
  const head =
    `${c.bold(`${group.length_ms} ms`)}  ${bursts} bursts of ${(1000 * seconds).toFixed(0)} ms, ` +
    `${joules(reference_j)} (${watts(power_w)} W; idle ${watts(group.idle_w)} W), ${spread}${judged(group)}`
  return [head, ...group.forms.map((form) => formLine(group, form, c)), ...goalLines(group, c)]
}

/** What single bursts are judged by. */
function judged({ single, single_against, reference_per_c_pct }: BurstGroup): string {
  if (!single) return ''
  if (single_against === 'own_counter')
    return ',\n  each against the counter around it, caught as it stepped'
  const warmth =
    reference_per_c_pct === null ? '' : `, ${signed(reference_per_c_pct)} % a degree taken out`
  return `,\n  each against the mean of all${warmth}`
}

/** Single bursts: median (min to max), and what 95 % of them err by less than. */
function formLine(group: BurstGroup, form: BurstErrors, c: Colours): string {
  const name = `  ${NAMES[form.form].padEnd(20)}`
  if (form.error_median_pct === null || !group.single) {
    const range =
      form.mean_low_j === null ? '' : ` (${joules(form.mean_low_j)} to ${joules(form.mean_high_j)})`
    return `${name}mean ${joules(form.mean_j)}${range}`
  }
  const errors =
    `${signed(form.error_median_pct).padStart(6)} % ` +
    `(${signed(form.error_min_pct)}..${signed(form.error_max_pct)})`.padEnd(15) +
    `95 % within ${(form.error_95_pct ?? 0).toFixed(1).padStart(5)} %`
  const held =
    form.within_stated_share === null
      ? ''
      : c.dim(`, stated ${(100 * form.within_stated_share).toFixed(0)} %`)
  return `${name}${errors}${held}`
}

function goalLines(group: BurstGroup, c: Colours): string[] {
  if (group.goal_pct === null || group.goal_met === null) return []
  const word = (met: boolean) => (met ? c.green('met') : c.red('missed'))
  const stated =
    group.stated_met === null ? '' : `; stated ranges hold 95 %: ${word(group.stated_met)}`
  return [`  goal ${group.goal_pct} %: ${word(group.goal_met)}${stated}`]
}

function verdict(report: BurstReport, c: Colours): string {
  if (report.goals_met === null) return c.yellow('No goal could be judged.')
  return report.goals_met
    ? c.green('All goals are met: short bursts can be trusted as the tables say.')
    : c.yellow('A goal is missed: trust short bursts only as far as the tables say.')
}

const signed = (value: number | null): string =>
  value === null ? '-' : `${value > 0 ? '+' : ''}${value.toFixed(Math.abs(value) < 9.95 ? 1 : 0)}`
const joules = (value: number | null): string =>
  value === null ? '- J' : `${value.toFixed(value < 100 ? 1 : 0)} J`
const watts = (value: number | null): string => (value === null ? '-' : value.toFixed(0))
