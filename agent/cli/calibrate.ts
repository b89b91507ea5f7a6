import { type Command, Option } from 'commander'
import { countFrom, efficiency, percent, seconds, setOption } from './values.ts'

interface CalibrateFlags {
  device?: string
  meter?: string
  config?: string
  set: string[]
  sees: 'node' | 'device'
  psuEfficiency?: { value: number; u: number }
  meterError: number
  steps: number
  stepSeconds: number
  settleSeconds?: number
  load?: string
  show?: boolean
  forget?: boolean
  out?: string
  json?: boolean
}

/** `calibrate`: a sensor against a meter. */
export function addCalibrate(program: Command): void {
  program
    .command('calibrate')
    .description("a sensor's gain and offset against a meter, kept for runs to come")
    .option('--device <uuid>', 'this device, by the beginning of its id; else the first GPU')
    .addOption(
      new Option(
        '--meter <source>',
        'which meter of sensors.meters, or typed: watts that you read off it',
      ).choices(['plug', 'redfish', 'ipmi', 'typed']),
    )
    .option('--config <file>', 'FILE or PRESET whose sensors.meters are used')
    .addOption(setOption('change one key of sensors'))
    .addOption(
      new Option('--sees <what>', 'what the meter measures: the whole node, or the device alone')
        .choices(['node', 'device'])
        .default('node'),
    )
    .option(
      '--psu-efficiency <share>',
      "share of the meter's watts that reaches the parts, 0.94+-0.02; 1 leaves the supply's loss in the gain",
      efficiency,
    )
    .option('--meter-error <pct>', 'with --meter typed: its error bound, %', percent, 2)
    .option('--steps <n>', 'levels of load beside idle', countFrom(1), 5)
    .option('--step-seconds <s>', 'how long each is averaged', seconds, 20)
    .option(
      '--settle-seconds <s>',
      'wait after each change; else as long as the meter needs',
      seconds,
    )
    .option('--load <command>', 'your own work in the place of ours, run for a share of the time')
    .option('--show', 'the stored calibrations')
    .option('--forget', 'drop the stored calibrations, with --device those of one device')
    .option('--out <dir>', 'keep the recording there, as a bundle')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      `
A meter of the node tells what changes with the load, through the power supply: state its efficiency.

Examples:
  llem-agent calibrate --config study.yaml --psu-efficiency 0.94+-0.01
  llem-agent calibrate --set 'sensors.meters=[{source: plug, url: http://10.0.0.9, kind: shelly}]'
  llem-agent calibrate --meter typed --meter-error 0.5 --sees device --psu-efficiency 1
  llem-agent calibrate --device cpu_package:0 --config study.yaml --load 'stress-ng --matrix 0'
  llem-agent calibrate --show
  llem-agent calibrate --forget --device GPU-8f3c

Exit codes: 0 stored, 1 failed, 2 wrong command line, 3 it can't be told from these steps, 130 interrupted.`,
    )
    .action(async (o: CalibrateFlags) => {
      const { calibrateCommand, forgetCommand, showCalibrations } = await import(
        '../commands/calibrate.ts'
      )
      const device = o.device ?? null
      if (o.show === true) process.exitCode = await showCalibrations(device, o.json === true)
      else if (o.forget === true) process.exitCode = await forgetCommand(device, o.json === true)
      else
        process.exitCode = await calibrateCommand({
          ...{ device, meter: o.meter ?? null, sees: o.sees, steps: o.steps, set: o.set },
          ...{ step_s: o.stepSeconds, settle_s: o.settleSeconds ?? null, load: o.load ?? null },
          ...{ efficiency: o.psuEfficiency ?? null, typed_error_pct: o.meterError },
          ...{ config: o.config ?? null, out: o.out ?? null, json: o.json === true },
        })
    })
}
