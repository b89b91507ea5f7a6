import type { Command } from 'commander'
import {
  databaseOption,
  lockWaitOption,
  noServerOption,
  outOption,
  type RecordFlags,
  recordOptions,
  serverOption,
} from './recording.ts'
import { setOption } from './values.ts'

interface RunFlags extends RecordFlags {
  set: string[]
  item?: string
  dryRun?: boolean
}

/** `run`: an experiment or a study. */
export function addRun(program: Command): void {
  program
    .command('run')
    .description('run an experiment or a study: a YAML or JSON file, or the name of a preset')
    .argument('[file]', 'FILE or PRESET; - reads standard input', 'quick-test')
    .addOption(setOption('change one key of the configuration'))
    .addOption(serverOption())
    .addOption(noServerOption())
    .addOption(databaseOption())
    .addOption(outOption())
    .addOption(lockWaitOption())
    .option('--item <K/N>', 'run only the K-th of N shares of the study')
    .option('--dry-run', 'show what would run, and run nothing')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      `
Examples:
  llem-agent run quick-test
  llem-agent run quick-test --set load.concurrency=8 --json
  llem-agent run examples/openai.yaml --set engine.base_url=http://127.0.0.1:8000/v1
  llem-agent run study.yaml --no-server --out /data/bundles     (air-gapped host)

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 done but invalid, 130 interrupted.`,
    )
    .action(async (source: string, o: RunFlags) => {
      const { runCommand } = await import('../commands/run.ts')
      process.exitCode = await runCommand(source, {
        set: o.set,
        item: o.item ?? null,
        dryRun: o.dryRun === true,
        ...recordOptions(o),
      })
    })
}
