import type { Command } from 'commander'
import { watchInterval, wholeAboveZero } from './values.ts'

/** `watch`: live power. */
export function addWatch(program: Command): void {
  program
    .command('watch')
    .description('what all devices draw now: power, temperature, use, clocks, memory, throttling')
    .option('--interval <seconds>', 'how often', watchInterval, 1)
    .option('--count <n>', 'so many times instead of until Ctrl-C', wholeAboveZero)
    .option('--prometheus <[host:]port>', 'serve /metrics, on loopback unless a host is named')
    .option('--json', 'a JSON document on a line each time')
    .addHelpText(
      'after',
      `
A live table on a terminal, else a line a device. Nothing is locked and nothing is stored. Joules count from the start.

Examples:
  llem-agent watch
  llem-agent watch --count 1 --json
  llem-agent watch --interval 10 >> power.log
  llem-agent watch --prometheus 9400      then http://127.0.0.1:9400/metrics`,
    )
    .action(
      async (o: { interval: number; count?: number; prometheus?: string; json?: boolean }) => {
        const { watchCommand } = await import('../commands/watch.ts')
        process.exitCode = await watchCommand({
          interval_s: o.interval,
          count: o.count ?? null,
          prometheus: o.prometheus ?? null,
          json: o.json === true,
        })
      },
    )
}
