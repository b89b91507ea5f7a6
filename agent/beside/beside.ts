import type { BesideEvent, BesideTool } from '../../analysis/schema/beside.ts'
import type { Device } from '../../analysis/schema/device.ts'
import type { Recording } from '../recording.ts'
import type { Begun } from './protocol.ts'
import {
  asBesideError,
  BESIDE_LIMITS,
  type BesideLimits,
  openTool,
  type ToolProcess,
} from './tool-process.ts'

/** Other tools that measure the same windows as ours. Nothing of it throws: what goes wrong is an event `beside`. */
export interface Beside {
  /** Resolves when every tool measures, or has said why not. */
  begin(window: string): Promise<void>
  /** Asks at once for what was measured, and resolves when it is recorded. */
  end(window: string): Promise<void>
  /** The same of a window that a program marks: of the tools that bear several at once, the first so many windows. */
  mark(edge: 'begin' | 'end', window: string): void
}

/** Each asks a tool twice, and a program may mark a window a token. */
const WINDOWS_MARKED = 100
/** What one window at a time can be asked of measures the phase alone. */
const BEARS_SEVERAL: readonly BesideTool[] = ['zeus']

export interface BesideOptions {
  readonly run: Pick<Recording, 'clock' | 'event' | 'atEnd'>
  readonly tools: readonly BesideTool[]
  /** null: `LLEM_PYTHON`, else python3. */
  readonly python: string | null
  /** What is measured; of it the GPUs. */
  readonly devices: readonly Device[]
  readonly stateDir: string
  readonly say: (text: string) => void
  readonly limits?: BesideLimits
}

const NOTHING_BESIDE: Beside = {
  begin: async () => {},
  end: async () => {},
  mark: () => {},
}

interface Opened {
  readonly tool: BesideTool
  readonly process: ToolProcess
  /** By window; null: it could not be begun. */
  readonly begun: Map<string, Promise<Begun | null>>
  failed: boolean
}

/** Starts the tools, each in a process of its own, and waits until they are ready: that takes seconds. */
export async function openBeside(options: BesideOptions): Promise<Beside> {
  const { run, tools, say } = options
  if (tools.length === 0) return NOTHING_BESIDE
  const python = options.python ?? process.env['LLEM_PYTHON'] ?? 'python3'
  const tell = (detail: BesideEvent) => run.event('beside', detail)
  const fail = (tool: BesideTool, version: string | null, window: string, error: unknown) => {
    const failure = asBesideError(error, tool).message
    tell({ tool, version, window, failure, parts: [], notes: [] })
    say(`${failure} The run goes on without it.`)
  }
  const open: Opened[] = []
  await Promise.all(
    [...new Set(tools)].map(async (tool) => {
      try {
        const process = await openTool({
          ...{ tool, python, gpus: gpusOf(options.devices), stateDir: options.stateDir },
          limits: options.limits ?? BESIDE_LIMITS,
        })
        run.atEnd(() => process.stop())
        open.push({ tool, process, begun: new Map(), failed: false })
      } catch (error) {
        fail(tool, null, 'measure', error)
      }
    }),
  )
  const lose = async (o: Opened, window: string, error: unknown) => {
    if (o.failed) return
    o.failed = true
    fail(o.tool, o.process.version, window, error)
    await o.process.stop()
  }

  const beginOne = async (o: Opened, window: string) => {
    if (o.failed) return
    const beginning = o.process.begin(window).catch(async (error: unknown) => {
      await lose(o, window, error)
      return null
    })
    o.begun.set(window, beginning)
    await beginning
  }
  const endOne = async (o: Opened, window: string) => {
    // A window may end before it was told to have begun: the tool is asked in order.
    const beginning = o.begun.get(window)
    if (beginning === undefined) return
    o.begun.delete(window)
    const ending = o.process.end(window)
    ending.catch(() => {})
    const begun = await beginning
    if (begun === null) return
    const at = ([a, b]: readonly [bigint, bigint]): [number, number] => [
      run.clock.fromHrtime(a),
      run.clock.fromHrtime(b),
    ]
    try {
      const { stamps, notes, result } = await ending
      tell({
        ...{ tool: o.tool, version: o.process.version, window },
        ...{ begin_t_ns: at(begun.stamps), end_t_ns: at(stamps) },
        ...result,
        notes: [...begun.notes, ...notes],
      })
    } catch (error) {
      await lose(o, window, error)
    }
  }
  const several = open.filter((o) => BEARS_SEVERAL.includes(o.tool))
  let marked = 0
  return {
    mark(edge, window) {
      if (edge === 'begin' && ++marked > WINDOWS_MARKED) return
      for (const o of several) void (edge === 'begin' ? beginOne : endOne)(o, window)
    },
    begin: async (window) => void (await Promise.all(open.map((o) => beginOne(o, window)))),
    end: async (window) => void (await Promise.all(open.map((o) => endOne(o, window)))),
  }
}

/** The tools know NVIDIA's GPUs by UUID. Of other makers' they count what they find. */
function gpusOf(devices: readonly Device[]): readonly string[] | null {
  const gpus = devices.filter((d) => d.kind === 'gpu' || d.kind === 'gpu_instance')
  if (gpus.some((d) => d.vendor !== 'nvidia')) return null
  // A part of a GPU has no power of its own.
  return [...new Set(gpus.map((d) => d.parent_device_id ?? d.device_id))]
}
