import type { Totals } from '../schema/totals.ts'
import { UJ_PER_KWH } from './cost-draw.ts'
import { ExactSum } from './exact-sum.ts'

interface Place {
  readonly host: string | null
  readonly site: string | null
}

/** Runs and energy that no row of a table of sites fits, by host: a name that is misspelt there would go unnoticed. */
export class WithoutSite {
  readonly #hosts = new Map<string, Place & { runs: Set<string>; uj: ExactSum }>()

  add({ run_id, host, site, it_uj }: Place & { run_id: string; it_uj: number }): void {
    const key = JSON.stringify([host, site])
    const own = this.#hosts.get(key) ?? { host, site, runs: new Set<string>(), uj: new ExactSum() }
    this.#hosts.set(key, own)
    own.runs.add(run_id)
    own.uj.add(it_uj)
  }

  /** Most energy first. */
  shown(): NonNullable<Totals['without_site']> {
    return [...this.#hosts]
      .map(([key, { host, site, runs, uj }]) => ({
        key,
        row: { host, site, runs: runs.size, kwh: Number(uj.value) / UJ_PER_KWH },
      }))
      .sort((a, b) => b.row.kwh - a.row.kwh || (a.key < b.key ? -1 : 1))
      .map(({ row }) => row)
  }
}
