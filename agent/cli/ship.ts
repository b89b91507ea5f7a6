import type { Command } from 'commander'
import { databaseOption, serverOption } from './recording.ts'

/** `ship`: what earlier runs left behind. */
export function addShip(program: Command): void {
  program
    .command('ship')
    .description('send what earlier runs left in the spool, and seal the runs of killed agents')
    .addOption(serverOption())
    .addOption(databaseOption())
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample:\n  llem-agent ship --server http://lab-server:8642')
    .action(async (o: { server?: string; db: string; json?: boolean }) => {
      const { shipCommand } = await import('../commands/ship.ts')
      process.exitCode = await shipCommand({
        server: o.server ?? (process.env['LLEM_SERVER'] || null),
        db: o.db,
        json: o.json === true,
      })
    })
}
