import type { ScenarioUsed, SitesUsed } from '../analysis/schema/stored.ts'

/** The first digits of a hash: enough for a person to tell two versions apart. */
const short = (sha256: string): string => `sha256 ${sha256.slice(0, 12)}`

/** `berlin@2 (sha256 9f86d081884c), with pue as given` */
export const scenarioWords = ({ name, version, sha256, over }: ScenarioUsed): string =>
  `${name}@${version} (${short(sha256)})${over.length === 0 ? '' : `, with ${over.join(', ')} as given`}`

/** `stored@3 (sha256 9f86d081884c)` */
export const sitesWords = ({ version, sha256 }: SitesUsed): string =>
  `stored@${version} (${short(sha256)})`

/** What an answer rests on of what is stored, a line each. */
export const storedLines = (used: {
  readonly scenario_stored?: ScenarioUsed | undefined
  readonly sites_stored?: SitesUsed | undefined
}): string[] => [
  ...(used.scenario_stored === undefined
    ? []
    : [`Stored scenario: ${scenarioWords(used.scenario_stored)}.`]),
  ...(used.sites_stored === undefined
    ? []
    : [`Stored table of sites: ${sitesWords(used.sites_stored)}.`]),
]
