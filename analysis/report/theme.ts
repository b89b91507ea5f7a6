import type { Config } from 'vega-lite'

/** The colours of a chart, by what they say. Marks name a style or a category; only this names colours. */
export interface Palette {
  readonly ink: string
  readonly faint: string
  readonly grid: string
  readonly accent: string
  /** In the order of a categorical scale; the first is the data, the second what went wrong. */
  readonly series: readonly string[]
  readonly background: string
}

/** For a spec that travels alone: plain colours on white, told apart in grey and by colour-blind readers. */
export const PAPER: Palette = {
  ink: '#1c2733',
  faint: '#5b6875',
  grid: '#dfe4e8',
  accent: '#2f6f4f',
  series: ['#0b5cad', '#b3410e', '#2f6f4f', '#7a3e9d', '#8a6d00', '#00727a', '#a02c5d', '#555f69'],
  background: '#ffffff',
}

/** For a page: its own custom properties, so that a drawn SVG follows light, dark and print without redrawing. */
export const PAGE: Palette = {
  ink: 'currentColor',
  faint: 'var(--faint)',
  grid: 'var(--grid)',
  accent: 'var(--accent)',
  series: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `var(--c${n})`),
  background: 'transparent',
}

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'

/** The look of every chart as a Vega-Lite config: thin axes, no frame, named styles for marks. */
export function theme(palette: Palette): Config {
  const text = { color: palette.ink, font: FONT, fontSize: 11 }
  return {
    background: palette.background,
    padding: 2,
    font: FONT,
    locale: { number: { decimal: '.', thousands: '\u202f', grouping: [3], currency: ['', ''] } },
    // The page says in words what the chart says; roles on single marks only slow readers and checkers down.
    aria: false,
    view: { stroke: null },
    axis: {
      labelColor: palette.faint,
      titleColor: palette.ink,
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: 'normal',
      titlePadding: 6,
      gridColor: palette.grid,
      domainColor: palette.faint,
      tickColor: palette.faint,
      tickSize: 4,
      labelOverlap: 'greedy',
    },
    axisX: { grid: false },
    axisY: { domain: false, ticks: false, labelPadding: 6 },
    legend: {
      labelColor: palette.ink,
      labelFontSize: 11,
      symbolStrokeWidth: 2,
      orient: 'top',
      title: null,
    },
    range: { category: [...palette.series] },
    line: { strokeWidth: 1.1, strokeJoin: 'round' },
    bar: { color: palette.series[0] ?? palette.ink },
    rule: { color: palette.faint },
    style: {
      window: { color: palette.accent, opacity: 0.1 },
      boundary: { color: palette.faint, strokeDash: [2, 3], strokeWidth: 0.8 },
      phase: { ...text, color: palette.faint, baseline: 'top', align: 'left' },
      load: { color: palette.series[7] ?? palette.ink, opacity: 0.35, line: false },
      mark: { color: palette.ink, strokeWidth: 1 },
      marked: { color: palette.accent, strokeWidth: 5, opacity: 0.7 },
      label: { ...text, baseline: 'middle' },
      zero: { color: palette.faint, strokeWidth: 0.8 },
      frontier: { color: palette.accent, strokeWidth: 1.4 },
    },
  }
}
