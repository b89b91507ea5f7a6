import type { Hide } from '../analysis/schema/redacted.ts'
import type { Backoff } from './backoff.ts'
import { closeOrphan } from './orphan.ts'
import { redactSpool } from './redact-spool.ts'
import { createShipper, type ShipServer, shipCommand } from './shipper.ts'
import { hideOfSite } from './site-secret.ts'
import type { Spool } from './spool.ts'
import { SpoolError } from './spool-error.ts'
import { type ListedSpool, listSpools, sweepSpools } from './spool-list.ts'

/** sealed: the server has it whole; live: its agent still runs; elsewhere: meant for another database; left: kept. */
export interface ShippedRun {
  readonly run_id: string
  readonly state: 'sealed' | 'live' | 'elsewhere' | 'left'
}

/**
 * Sends what earlier runs left in the spool. Runs under way are left alone; runs of killed agents are sealed as
 * interrupted first. One that can't be sent does not keep back the others; why is said.
 * @throws SpoolError when the spool directory itself can't be read
 */
export async function shipLeftovers(options: {
  readonly spoolDir: string
  readonly server: ShipServer
  readonly say: (text: string) => void
  readonly backoff?: Backoff
  /** What stands for values that an earlier version recorded in clear. */
  readonly hide?: Hide
  readonly patience_ms?: number
}): Promise<ShippedRun[]> {
  await sweepSpools(options.spoolDir)
  const shipped: ShippedRun[] = []
  for (const listed of await listSpools(options.spoolDir)) {
    const state = await shipOne(listed, options).catch((error: unknown) => {
      options.say(
        `${(error as Error).message} The run ${listed.spool.run_id} is kept in ${listed.spool.dir}.`,
      )
      return 'left' as const
    })
    if (state !== null) shipped.push({ run_id: listed.spool.run_id, state })
  }
  return shipped
}

async function shipOne(
  { spool, state, problem }: ListedSpool,
  options: Parameters<typeof shipLeftovers>[0],
): Promise<ShippedRun['state'] | null> {
  const { server, say } = options
  if (state === 'damaged') {
    say(problem)
    return 'left'
  }
  if (state === 'live') {
    say(`Run ${spool.run_id} is still under way; its own agent sends it.`)
    return 'live'
  }
  if (
    !(state === 'orphan' && (await isEmpty(spool))) &&
    (await redactSpool(spool, options.hide ?? hideOfSite()))
  )
    say(`Run ${spool.run_id} held values in clear; they are stored redacted now (docs/secrets.md).`)
  const target = await spool.target()
  // To a server that the user names all may be sent; a database that nobody named takes its own runs alone.
  if (
    server.target.db !== null &&
    (target.server !== null || differs(target.db, server.target.db))
  ) {
    say(
      `Run ${spool.run_id} was recorded for ${target.server ?? target.db}. Send it with: ${shipCommand(target)}`,
    )
    return 'elsewhere'
  }
  if (state === 'orphan' && (await isEmpty(spool))) {
    await spool.remove()
    return null
  }
  await spool.clean()
  const seal = (await spool.readSeal()) ?? (await closeOrphan(spool))
  const { spoolDir: _, hide: __, ...shipping } = options
  const how = await createShipper({ patience_ms: 30_000, ...shipping, spool }).finish(seal)
  if (how === 'sealed') say(`Run ${spool.run_id} was sent and sealed (${seal.outcome}).`)
  return how
}

const differs = (one: string | null, other: string): boolean => one !== null && one !== other

/** An agent that died before its first run.json has recorded nothing. */
async function isEmpty(spool: Spool): Promise<boolean> {
  try {
    await spool.readRun()
    return false
  } catch (error) {
    if (!(error instanceof SpoolError) || error.fault !== 'gone') throw error
    return (await spool.chunks()).length === 0
  }
}
