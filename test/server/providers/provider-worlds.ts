import type { ProviderWorld } from '../../../server/providers/provider.ts'

/** The shapes of answers below are those of each publisher's documentation. */
export const DAY_MS = 86_400_000
export const HOUR_MS = 3_600_000
export const FROM_MS = Date.UTC(2026, 6, 1)

export const world = (
  url: string,
  more: Readonly<Record<string, string | undefined>> = {},
  timeout_ms = 5000,
): ProviderWorld => ({
  timeout_ms,
  env: {
    LLEM_GB_URL: url,
    LLEM_ELECTRICITY_MAPS_URL: url,
    LLEM_ELECTRICITY_MAPS_TOKEN: 'em-secret',
    LLEM_WATTTIME_URL: url,
    LLEM_WATTTIME_USER: 'user',
    LLEM_WATTTIME_PASSWORD: 'wt-secret',
    LLEM_ENTSOE_URL: url,
    LLEM_ENTSOE_TOKEN: 'entsoe-secret',
    LLEM_EIA_URL: url,
    LLEM_EIA_KEY: 'eia-secret',
    ...more,
  },
})

/** A generation document of one or more series, as A75 is answered. */
export const generationXml = (
  series: readonly {
    psr: string
    points: readonly (readonly [position: number, mw: number | string])[]
    resolution?: string
    start?: string
    end?: string
    out?: boolean
  }[],
): string => `<?xml version="1.0" encoding="UTF-8"?>
<GL_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0">
  <mRID>1</mRID>
  <time_Period.timeInterval><start>2026-07-01T00:00Z</start><end>2026-07-01T02:00Z</end></time_Period.timeInterval>
${series
  .map(
    (s, i) => `  <TimeSeries>
    <mRID>${i + 1}</mRID>
    <businessType>A01</businessType>
    <${s.out ? 'out' : 'in'}BiddingZone_Domain.mRID codingScheme="A01">10Y1001A1001A83F</${s.out ? 'out' : 'in'}BiddingZone_Domain.mRID>
    <quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>
    <curveType>A03</curveType>
    <MktPSRType><psrType>${s.psr}</psrType></MktPSRType>
    <Period>
      <timeInterval>
        <start>${s.start ?? '2026-07-01T00:00Z'}</start>
        <end>${s.end ?? '2026-07-01T02:00Z'}</end>
      </timeInterval>
      <resolution>${s.resolution ?? 'PT60M'}</resolution>
${s.points.map(([p, q]) => `      <Point>\n        <position>${p}</position>\n        <quantity>${q}</quantity>\n      </Point>`).join('\n')}
    </Period>
  </TimeSeries>`,
  )
  .join('\n')}
</GL_MarketDocument>`
