import { resolve } from 'node:path'
import { connectServer } from '../embedded-server.ts'
import { shipLeftovers } from '../ship-leftovers.ts'
import { spoolDir } from '../state-dir.ts'
import type { ExitCode } from './run-options.ts'

export interface ShipOptions {
  readonly server: string | null
  readonly db: string
  readonly json: boolean
}

/** `llem-agent ship`: sends what earlier runs left in the spool; a killed agent's run is sealed as interrupted. */
export async function shipCommand(options: ShipOptions): Promise<ExitCode> {
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const server = await connectServer({
    server: options.server,
    db: resolve(options.db),
    token: process.env['LLEM_TOKEN'] ?? null,
    say,
  })
  try {
    const shipped = await shipLeftovers({ spoolDir: spoolDir(), server, say })
    if (options.json) process.stdout.write(`${JSON.stringify({ runs: shipped }, null, 2)}\n`)
    else if (shipped.length === 0) say(`Nothing is left in ${spoolDir()}.`)
    return shipped.some((s) => s.state === 'left') ? 1 : 0
  } finally {
    await server.stop()
  }
}
