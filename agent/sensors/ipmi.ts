import { type ExecFileException, execFile } from 'node:child_process'
import type { MeterOf } from '../../analysis/schema/meter.ts'
import { NoAnswer } from './ask-json.ts'
import { openMeters } from './meter.ts'
import { loginOf } from './meter-login.ts'
import type { MeterDoor } from './meter-poll.ts'
import type { SensorOptions, SensorSource } from './sensor.ts'

/** DCMI asks for a mean over a second; what it tells may be one such period old. */
const REFRESH_MS = 2000

/** A server's management controller by `ipmitool dcmi power reading`: this machine's own, or over the network. */
export const ipmi: SensorSource = {
  name: 'ipmi',
  open: (options) => openMeters('ipmi', options, (meter) => door(meter, options)),
}

function door(meter: MeterOf<'ipmi'>, { env }: SensorOptions): MeterDoor {
  const login = loginOf(meter, env)
  const remote =
    meter.host === null
      ? []
      : // The password goes through the environment: a command line can be read by every user.
        ['-I', 'lanplus', '-H', meter.host, ...(login ? ['-U', login.user, '-E'] : [])]
  const words = ['ipmitool', ...remote, 'dcmi', 'power', 'reading']
  const [command, ...args] = (meter.sudo ? ['sudo', '-n', ...words] : words) as [
    string,
    ...string[],
  ]
  const environment = { ...env, ...(login ? { IPMI_PASSWORD: login.password } : {}), LC_ALL: 'C' }
  return {
    name:
      meter.host === null
        ? "this machine's management controller"
        : `the management controller at ${meter.host}`,
    refresh_ms: REFRESH_MS,
    accuracy: { gain_rel: 0.05, basis: 'assumed' },
    watts: async (signal) => powerReading(await output(command, args, environment, signal)),
    facts: () => ({ host: meter.host }),
    close() {},
  }
}

function output(
  command: string,
  args: readonly string[],
  env: SensorOptions['env'],
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // A tool that hangs in its driver does not end by being asked.
    const options = { env, signal, killSignal: 'SIGKILL', encoding: 'utf8' } as const
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(whyNot(error, signal, `${stdout}\n${stderr}`))
    })
  })
}

function whyNot(error: ExecFileException, signal: AbortSignal, said: string): NoAnswer {
  if (signal.aborted) return new NoAnswer('lost', 'gives no answer in time')
  if (error.code === 'ENOENT')
    return new NoAnswer(
      'no_library',
      "can't be asked: ipmitool is not installed; try: sudo apt-get install ipmitool",
    )
  if (
    /permission denied|a password is required|insufficient privilege|could not open device/i.test(
      said,
    )
  )
    return new NoAnswer(
      'permission_denied',
      "can't be asked by this user; let it read /dev/ipmi0 (sudo chgrp $(id -gn) /dev/ipmi0 && sudo chmod g+rw /dev/ipmi0, and sudo modprobe ipmi_devintf where there is none), or set sudo: true with a rule in sudoers",
    )
  if (/unauthorized|invalid user|RAKP|authentication/i.test(said))
    return new NoAnswer('permission_denied', 'refuses this name and password')
  const line = said.split('\n').find((l) => l.trim() !== '')
  return new NoAnswer('lost', `can't be asked (${line?.trim().slice(0, 200) ?? error.message})`)
}

/** @throws NoAnswer where the controller measures no power, or says something else */
function powerReading(text: string): number {
  if (/Power reading state is:\s+deactivated/i.test(text))
    throw new NoAnswer('unsupported', 'has its power reading switched off')
  const watts = /Instantaneous power reading:\s+(\d+(?:\.\d+)?)\s+Watts/i.exec(text)?.[1]
  if (watts === undefined) throw new NoAnswer('unsupported', 'tells no DCMI power reading')
  return Number(watts)
}
