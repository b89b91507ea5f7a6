import {
  EMBODIED,
  type Preset,
  PUE,
  RENTS,
  TARIFFS,
  WUE_GRID,
  WUE_SITE,
} from '../factors/presets.ts'

type Raw = Readonly<Record<string, unknown>>

/**
 * A scenario as written, with the rows that it names by a word (`pue: google`, `hardware: h100-2026-07`) in their place.
 * What is not a word stays as it is, for the schema to judge.
 * @throws RangeError where a word names no row (with those that there are)
 */
export function withPresets(raw: Raw): Raw {
  const { pue, wue, embodied, hardware, tariff } = raw
  return {
    ...raw,
    ...(typeof pue === 'string' ? { pue: row(PUE, 'pue', pue).value } : {}),
    ...(typeof embodied === 'string'
      ? { embodied: sourced(EMBODIED, 'embodied', embodied, false) }
      : {}),
    ...(typeof hardware === 'string' ? { hardware: sourced(RENTS, 'hardware', hardware) } : {}),
    ...(typeof tariff === 'string' ? { tariff: sourced(TARIFFS, 'tariff', tariff) } : {}),
    ...(isMapping(wue) ? { wue: waterOf(wue) } : {}),
  }
}

const isMapping = (value: unknown): value is Raw =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

function row<T>(rows: Readonly<Record<string, Preset<T>>>, key: string, name: string): Preset<T> {
  const found = Object.hasOwn(rows, name) ? rows[name] : undefined
  if (found === undefined)
    throw new RangeError(
      `${key} is ${JSON.stringify(name)}; the rows there are: ${Object.keys(rows).join(', ')}. Or give the numbers themselves (docs/cost.md).`,
    )
  return found
}

function sourced<T extends object>(
  rows: Readonly<Record<string, Preset<T>>>,
  key: string,
  name: string,
  dated = true,
): Raw {
  const { value, as_of, source } = row(rows, key, name)
  return { ...value, ...(dated ? { as_of, source } : { source: `${source} (${as_of})` }) }
}

function waterOf(wue: Raw): Raw {
  const { site_l_per_it_kwh: site, grid_l_per_kwh: grid } = wue
  const rows = [
    typeof site === 'string' ? row(WUE_SITE, 'wue.site_l_per_it_kwh', site) : null,
    typeof grid === 'string' ? row(WUE_GRID, 'wue.grid_l_per_kwh', grid) : null,
  ] as const
  const said = rows.flatMap((r) => (r === null ? [] : [`${r.source} (${r.as_of})`]))
  return {
    ...wue,
    ...(rows[0] === null ? {} : { site_l_per_it_kwh: rows[0].value }),
    ...(rows[1] === null ? {} : { grid_l_per_kwh: rows[1].value }),
    ...(said.length > 0 && wue['source'] === undefined ? { source: said.join(', ') } : {}),
  }
}
