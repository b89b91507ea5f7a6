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
import { atLeastZero, setOption } from './values.ts'

interface MeasureFlags extends RecordFlags {
  set: string[]
  windows?: string
  baseline?: number
}

/** `measure`: any program, or windows that programs mark. */
export function addMeasure(program: Command): void {
  program
    // An option after COMMAND is COMMAND's own.
    .enablePositionalOptions()
    .command('measure')
    .passThroughOptions()
    .description('measure any program, from its start to its end; or windows that programs mark')
    .usage('[options] [--] COMMAND...')
    .argument('[command...]', 'the program and its arguments; it has this terminal')
    .option(
      '--windows <path>',
      'a Unix socket on which programs mark windows; LLEM_WINDOWS tells them where',
    )
    .option(
      '--baseline <seconds>',
      'idle power before the program starts, 2 unless said; it makes short windows sharper, 0: none',
      atLeastZero,
    )
    .addOption(setOption('change name, tags, devices, sensors or phases'))
    .addOption(serverOption())
    .addOption(noServerOption())
    .addOption(databaseOption())
    .addOption(outOption())
    .addOption(lockWaitOption())
    .option('--json', "one JSON document on standard output; the program's goes to standard error")
    .addHelpText(
      'after',
      `
Phases: baseline (--baseline, 2 s), measure (the program's life: what is counted), cooldown (phases.cooldown_s, 1 s).
All visible GPUs are counted, else the CPU; --set 'devices=[0]' counts the first GPU alone.

Examples:
  llem-agent measure -- python train.py --epochs 3
  llem-agent measure --out results -- ./llama-bench -m model.gguf
  llem-agent measure --windows /tmp/llem.sock -- python generate.py    (clients/python/llem_windows.py)
  llem-agent measure --windows /tmp/llem.sock                          until Ctrl-C, for programs started elsewhere
  llem-agent measure -- sh -c 'make model && ./model'

Exit codes: 0 done, 1 the program failed, 2 wrong command line, 3 done but invalid, 130 interrupted.`,
    )
    .action(async (command: string[], o: MeasureFlags) => {
      const { measureCommand } = await import('../commands/measure.ts')
      process.exitCode = await measureCommand({
        command,
        windows: o.windows ?? null,
        baseline_s: o.baseline ?? null,
        set: o.set,
        ...recordOptions(o),
      })
    })
}
