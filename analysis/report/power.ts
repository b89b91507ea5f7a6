import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

/** Seconds from the start of the run throughout. */
export interface PowerTable {
  /** Downsampled for drawing: peaks are kept, joules are not. */
  readonly power: readonly {
    readonly t_s: number
    readonly power_w: number
    readonly device: string
  }[]
  /** How many devices have readings; only the first ones are drawn. */
  readonly devices: number
  /** The end of the recorded span, which begins at 0. */
  readonly end_s: number
  readonly phases: readonly {
    readonly phase: string
    readonly start_s: number
    readonly end_s: number
  }[]
  /** Windows that programs marked. */
  readonly marks: readonly {
    readonly name: string
    readonly start_s: number
    readonly end_s: number
  }[]
  readonly window: { readonly start_s: number; readonly end_s: number } | null
  /** Requests open from t_s on, until the next row. */
  readonly in_flight: readonly { readonly t_s: number; readonly requests: number }[]
}

const HEIGHT = 190
/** About six pixels a letter: a phase too short for its name goes without, rather than over its neighbour. */
const LETTER_PX = 6.2

/** Power of each device over time, with the phases and the counted window, and below it the requests in flight. */
export function powerSpec(table: PowerTable, drawing: Drawing = WIDE): VegaLiteSpec {
  const plot = drawing.width - 60
  const span = table.end_s || 1
  const labelled = <T extends { start_s: number; end_s: number }>(band: T, name: string) => ({
    ...band,
    label: ((band.end_s - band.start_s) / span) * plot > name.length * LETTER_PX + 6 ? name : '',
  })
  const phases = table.phases.map((p) => labelled(p, p.phase))
  const peak = table.power.reduce((high, p) => Math.max(high, p.power_w), 0) || 1
  const devices = [...new Set(table.power.map((p) => p.device))]
  const scale = { domain: [0, span], nice: false }
  const x = (title: string | null) => ({
    field: 't_s',
    type: 'quantitative' as const,
    title,
    scale,
    ...(title === null ? { axis: { labels: false, ticks: false, title: null } } : {}),
  })
  const bands = [
    {
      data: { name: 'window' },
      mark: { type: 'rect' as const, style: 'window', clip: true },
      encoding: {
        x: { field: 'start_s', type: 'quantitative' as const, scale },
        x2: { field: 'end_s' },
      },
    },
    {
      data: { name: 'phases' },
      mark: { type: 'rule' as const, style: 'boundary', clip: true },
      encoding: { x: { field: 'start_s', type: 'quantitative' as const, scale } },
    },
  ]
  const marks = {
    data: { name: 'marks' },
    mark: { type: 'rule' as const, style: 'marked', clip: true, tooltip: true },
    encoding: {
      x: { field: 'start_s', type: 'quantitative' as const, scale },
      x2: { field: 'end_s' },
      y: { value: HEIGHT - 4 },
      tooltip: { field: 'name', type: 'nominal' as const },
    },
  }
  const markNames = {
    data: { name: 'marks' },
    mark: { type: 'text' as const, style: 'phase', baseline: 'bottom' as const, clip: true },
    encoding: {
      x: { field: 'start_s', type: 'quantitative' as const, scale },
      y: { value: HEIGHT - 8 },
      text: { field: 'label', type: 'nominal' as const },
    },
  }
  const power = {
    width: plot,
    height: HEIGHT,
    layer: [
      ...bands,
      ...(table.marks.length > 0 ? [marks, markNames] : []),
      {
        data: { name: 'phases' },
        mark: { type: 'text' as const, style: 'phase', dx: 3 },
        encoding: {
          x: { field: 'start_s', type: 'quantitative' as const, scale },
          y: { value: 3 },
          text: { field: 'label', type: 'nominal' as const },
        },
      },
      {
        data: { name: 'power' },
        params: [
          {
            name: 'zoom',
            select: { type: 'interval' as const, encodings: ['x' as const] },
            bind: 'scales' as const,
          },
        ],
        mark: { type: 'line' as const, clip: true },
        encoding: {
          x: x(table.in_flight.length > 0 ? null : 'seconds from the start of the run'),
          y: {
            field: 'power_w',
            type: 'quantitative' as const,
            title: 'power, W',
            // Headroom for the names of the phases.
            scale: { domain: [0, 1.15 * peak], nice: false },
          },
          color: {
            field: 'device',
            type: 'nominal' as const,
            sort: devices,
            ...(devices.length > 1 ? {} : { legend: null }),
          },
        },
      },
    ],
  }
  const flight = {
    width: plot,
    height: 70,
    layer: [
      ...bands,
      {
        data: { name: 'in_flight' },
        mark: {
          type: 'area' as const,
          style: 'load',
          interpolate: 'step-after' as const,
          clip: true,
        },
        encoding: {
          x: x('seconds from the start of the run'),
          y: {
            field: 'requests',
            type: 'quantitative' as const,
            title: 'in flight',
            axis: { tickMinStep: 1, tickCount: 3 },
          },
        },
      },
    ],
  }
  const { autosize: _, ...shared } = common(drawing, {
    power: table.power,
    phases,
    window: table.window === null ? [] : [table.window],
    ...(table.marks.length > 0 ? { marks: table.marks.map((m) => labelled(m, m.name)) } : {}),
    in_flight: table.in_flight,
  })
  return {
    ...shared,
    spacing: 8,
    resolve: { scale: { x: 'shared' } },
    vconcat: table.in_flight.length > 0 ? [power, flight] : [power],
  }
}
