import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import type { BesideTool } from '../../analysis/schema/beside.ts'
import { type Child, startChild } from '../engines/child.ts'
import { EngineError } from '../engines/engine.ts'
import {
  type Begun,
  begunSchema,
  type Ended,
  endedSchema,
  failedSchema,
  readySchema,
} from './protocol.ts'

/** How long is waited for a tool, ms: some look for hardware first. */
export interface BesideLimits {
  readonly open_ms: number
  readonly answer_ms: number
}
export const BESIDE_LIMITS: BesideLimits = { open_ms: 60_000, answer_ms: 15_000 }

/** Why a tool measures nothing (any more). The message is a sentence. */
export class BesideError extends Error {
  constructor(message: string) {
    super(/[.!?]$/.test(message) ? message : `${message}.`)
    this.name = 'BesideError'
  }
}

/** Another tool in a process of its own. `begin` and `end` throw BesideError, after which it measures nothing more. */
export interface ToolProcess {
  readonly version: string | null
  begin(window: string): Promise<Begun>
  end(window: string): Promise<Ended>
  stop(): Promise<void>
}

export interface ToolOptions {
  readonly tool: BesideTool
  /** The Python that has it. */
  readonly python: string
  /** UUIDs of the GPUs to measure; null: all that the tool finds. */
  readonly gpus: readonly string[] | null
  readonly stateDir: string
  readonly limits: BesideLimits
}

const NAMES: Readonly<Record<BesideTool, string>> = { zeus: 'Zeus', codecarbon: 'CodeCarbon' }

/** Where a module's package has another name. */
const PACKAGES: Readonly<Record<string, string>> = { pynvml: 'nvidia-ml-py' }
const OTHER_PYTHON = 'sensors.beside_python names the Python that has it'

/** Beside this file, or beside the bundle. */
const PROGRAM = fileURLToPath(new URL('./beside.py', import.meta.url))

/** @throws BesideError where the tool is not there, does not start or does not answer in time */
export async function openTool(options: ToolOptions): Promise<ToolProcess> {
  const { tool, python, gpus, limits } = options
  const child = await startTool(options)
  const stop = () => child.stop('remove')
  const { stdin, stdout } = child.process
  if (stdin === null || stdout === null) throw new Error('The tool beside has no pipes.')
  stdin.on('error', () => {}) // its end is told by its output's end
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()

  async function answer<S extends z.ZodType>(schema: S, limit_ms: number): Promise<z.output<S>> {
    const said = await within(lines.next(), limit_ms)
    if (said === LATE)
      throw new BesideError(
        `${NAMES[tool]} has not answered for ${limit_ms / 1000} s, so it is ended.`,
      )
    if (said.done === true) {
      const last = child.tail().split('\n').at(-1) ?? ''
      throw new BesideError(`${NAMES[tool]} ended (${await child.exited}). ${last}`.trim())
    }
    const value: unknown = JSON.parse(said.value)
    const failed = failedSchema.safeParse(value)
    if (!failed.success) return schema.parse(value)
    const { missing, executable } = failed.data
    const at = executable ?? python
    if (missing === null) throw new BesideError(`${NAMES[tool]}: ${failed.data.failed}`)
    const lacks =
      missing === tool
        ? `${NAMES[tool]} is not installed for ${at}`
        : `${NAMES[tool]} needs the module ${missing}, which ${at} does not have`
    throw new BesideError(
      `${lacks}; ${at} -m pip install ${PACKAGES[missing] ?? missing} adds it, or ${OTHER_PYTHON}.`,
    )
  }
  // One question after another: answers carry no names.
  let last: Promise<unknown> = Promise.resolve()
  const ask = <S extends z.ZodType>(line: string, schema: S): Promise<z.output<S>> => {
    const asked = last.then(() => {
      stdin.write(`${line}\n`)
      return answer(schema, limits.answer_ms)
    })
    last = asked.catch(() => {})
    return asked
  }
  try {
    const { ready } = await answer(readySchema, limits.open_ms)
    return {
      version: ready.version,
      begin: (window) => ask(`begin ${window}`, begunSchema),
      end: (window) => ask(`end ${window}`, endedSchema),
      stop,
    }
  } catch (error) {
    await stop()
    throw asBesideError(error, tool)
  }

  async function startTool({ stateDir }: ToolOptions): Promise<Child> {
    // Both count GPUs among those that the variable leaves; without it as NVML does.
    const { CUDA_VISIBLE_DEVICES: _, ...env } = process.env
    try {
      return await startChild({
        program: python,
        args: [PROGRAM, tool, JSON.stringify({ gpus })],
        env,
        stateDir,
        name: `beside-${tool}`,
        talks: true,
      })
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'config')
        throw asBesideError(error, tool)
      throw new BesideError(
        `${NAMES[tool]}: ${error.message}; install Python 3, or write under sensors.beside_python where it is.`,
      )
    }
  }
}

export const asBesideError = (error: unknown, tool: BesideTool): BesideError =>
  error instanceof BesideError
    ? error
    : new BesideError(`${NAMES[tool]}: ${error instanceof Error ? error.message : String(error)}`)

const LATE = Symbol('late')

async function within<T>(work: Promise<T>, limit_ms: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), limit_ms)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
