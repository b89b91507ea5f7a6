import { CANON, type CanonMetric, STATISTICS } from '../../analysis/schema/canon.ts'
import { METRICS } from '../../analysis/schema/metric.ts'
import { QUALITY_METRICS } from '../../analysis/schema/quality-metric.ts'
import { REASONS } from '../../analysis/schema/reason.ts'
import { RESULT_METRICS } from '../../analysis/schema/result-metric.ts'
import { FINDING_WORDS } from './finding-words.ts'

const SECTIONS: Record<CanonMetric['section'], string> = {
  energy: 'Energy',
  throughput: 'Throughput',
  load: 'Load',
  memory: 'Memory',
  latency: 'Latency',
  ledger: 'Ledger',
}
const BETTER = { low: 'lower', high: 'higher' } as const

/** docs/glossary.md: every metric, reason and finding, written from the lists that the program itself uses. */
export function glossaryMarkdown(): string {
  const canon = Object.entries(CANON as Record<string, CanonMetric>)
  const sections = Object.entries(SECTIONS).map(([section, title]) =>
    table(
      `### ${title}`,
      ['id', 'name', 'unit', 'better', 'what it is'],
      canon.filter(([, row]) => row.section === section).map(rowOf),
    ),
  )
  return `${[
    '# Glossary',
    'Written by `npm run docs:glossary` from the registries of the program; edit those, not this. The definitions at length are in [metrics.md](metrics.md).',
    '## Metrics',
    `A distribution is published by its statistics: ${STATISTICS.map((s) => code(`_${s}`)).join(', ')} are appended to its id, as in \`ttft_ms_p50\`; one with failures by its percentiles alone. \`@run\` and \`@steady\` name a window other than the summary's own, as in \`request_throughput_req_s@run\`. Every value carries its unit, a 95 % range (\`low\`, \`high\`), the same without what is common to all runs on the device (\`repeat_low\`, \`repeat_high\`), the count of values it was made of, and its source. What can't be had is null with one of the reasons below.`,
    ...sections,
    table(
      '### Of results of others\n\nNumbers that imported results have and runs of ours do not.',
      ['id', 'name', 'unit', 'better', 'what it is'],
      Object.entries(RESULT_METRICS as Record<string, CanonMetric>).map(rowOf),
    ),
    table(
      '### Quality\n\nNumbers that no run measures: they are attached to it, or come from votes on its answers. `pareto` and `recommend` know them ([quality.md](quality.md)).',
      ['id', 'name', 'unit', 'better', 'what it is'],
      Object.entries(QUALITY_METRICS).map(rowOf),
    ),
    table(
      '## Reasons\n\nWhy a value is null: one closed list, from the sensor to the page.',
      ['reason', 'meaning'],
      Object.entries(REASONS).map(([id, words]) => [code(id), words]),
    ),
    table(
      '## Findings\n\nWhat speaks against a result, or belongs beside it. *invalid*: kept and shown, never ranked. *caution*: ranked only when asked. *info*: told. A code without a severity is part of the vocabulary, but given by no rule of this version.',
      ['code', 'severity', 'meaning'],
      Object.entries(FINDING_WORDS).map(([id, f]) => [
        code(id),
        f.severity.length === 0 ? '–' : f.severity.join(' or '),
        f.words,
      ]),
    ),
    table(
      '## Raw metrics\n\nThe `metric` column of the `sample` stream, each in the unit that its source gives. A gauge is a value at a time or a mean up to it; a counter ever grows; bits are a set of flags.',
      ['metric', 'kind', 'unit', 'meaning'],
      Object.entries(METRICS).map(([id, row]) => [code(id), row.kind, row.unit, row.title]),
    ),
  ].join('\n\n')}\n`
}

const rowOf = ([id, row]: [string, Omit<CanonMetric, 'section'>]): string[] => [
  code(id),
  row.title,
  row.unit,
  row.better === null ? '' : BETTER[row.better],
  row.formula,
]

const code = (text: string): string => `\`${text}\``

function table(
  before: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`
  return [before, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
