import { type Command, Option } from 'commander'
import type { KernelName } from '../bursts/kernels.ts'
import { burstLengths, countFrom } from './values.ts'

interface DoctorFlags {
  bursts?: boolean
  full?: boolean
  device?: string
  repeat?: number
  lengths?: readonly number[]
  load?: 'full' | 'constant' | 'both'
  kernel?: KernelName
  out?: string
  json?: boolean
}

/** `doctor`: what can be measured here, and how well. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what can be measured here, how well, and what would mend the rest')
    .option(
      '--bursts',
      'how well short bursts are measured: known work on one NVIDIA GPU, 6 minutes',
    )
    .option('--full', 'with --bursts: 50 bursts of each length in the place of 20')
    .option('--device <uuid>', 'with --bursts: this GPU, by the beginning of its UUID')
    .option('--repeat <n>', 'with --bursts: so many bursts of each length', countFrom(2))
    .option('--lengths <ms,...>', 'with --bursts: these lengths, milliseconds', burstLengths)
    .addOption(
      new Option(
        '--load <load>',
        'with --bursts: all that the card draws, clocks that hold, or both unless said',
      ).choices(['full', 'constant', 'both']),
    )
    .addOption(
      new Option(
        '--kernel <name>',
        'with --bursts: this kind of work in the place of the one that draws most',
      ).choices(['register', 'shared', 'stream', 'memory', 'warpgroup', 'ffma']),
    )
    .option('--out <dir>', 'with --bursts: keep the recording there, as a bundle')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      `
Examples:
  llem-agent doctor
  llem-agent doctor --bursts --out bursts       docs/measuring.md, "Bursts", says how to read it
  llem-agent doctor --bursts --full --json > bursts.json

Exit codes: 0 something can be measured (--bursts: every goal is met), 1 failed, 2 wrong command line,
3 there are only estimates (--bursts: a goal is missed), 130 interrupted.`,
    )
    .action(async (o: DoctorFlags) => {
      if (o.bursts !== true) {
        const { doctorCommand, refuseBurstOptions } = await import('../commands/doctor.ts')
        refuseBurstOptions(Object.keys(o))
        process.exitCode = await doctorCommand({ json: o.json === true })
        return
      }
      const { doctorBursts } = await import('../commands/doctor-bursts.ts')
      process.exitCode = await doctorBursts({
        json: o.json === true,
        full: o.full === true,
        device: o.device ?? null,
        repeat: o.repeat ?? null,
        lengths_ms: o.lengths ?? null,
        load: o.load ?? 'both',
        kernel: o.kernel ?? null,
        out: o.out ?? null,
      })
    })
}
