import { eia } from './eia.ts'
import { electricityMaps } from './electricity-maps.ts'
import { entsoe } from './entsoe.ts'
import { gb } from './gb.ts'
import type { Provider } from './provider.ts'
import { watttime } from './watttime.ts'

export const PROVIDERS: readonly Provider[] = [electricityMaps, watttime, gb, entsoe, eia]

export const providerOf = (name: string): Provider | undefined =>
  PROVIDERS.find((p) => p.name === name)
