/** The tables of @tgwf/co2, which declares no types: values as they stand there, to be read with care. */
declare module '@tgwf/co2/data' {
  interface Zone {
    readonly carbonIntensity?: { readonly value?: unknown; readonly unit?: string }
  }
  export const averageIntensity: { readonly data: Readonly<Record<string, unknown>> }
  /** `yearly2021` and on. */
  export const electricityMaps: Readonly<
    Record<string, { readonly data: Readonly<Record<string, Zone>> }>
  >
}
