import type { TopLevelSpec } from 'vega-lite'
import { PAPER, type Palette, theme } from './theme.ts'

/** A Vega-Lite specification with its data inside, under `datasets`. */
export type VegaLiteSpec = TopLevelSpec

/** Rows of one data set of a spec. */
export type Rows = readonly Readonly<Record<string, string | number | boolean | null>>[]

/** How a chart is to be drawn: how wide, and in which colours. */
export interface Drawing {
  /** Width of the whole chart, axes included, in pixels. */
  readonly width: number
  readonly palette: Palette
}

export const WIDE: Drawing = { width: 860, palette: PAPER }

/** The parts that every spec shares. `datasets` is named once, so that drawings of one chart can share it. */
export function common(drawing: Drawing, datasets: Readonly<Record<string, Rows>>) {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json' as const,
    datasets: Object.fromEntries(Object.entries(datasets).map(([k, rows]) => [k, [...rows]])),
    autosize: { type: 'fit-x' as const, contains: 'padding' as const },
    config: theme(drawing.palette),
  }
}
