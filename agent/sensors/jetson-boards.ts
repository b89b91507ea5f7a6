import { join } from 'node:path'
import { readText } from './files.ts'

/** What one rail of a board feeds. */
export interface RailUse {
  /** The parts behind it, which it can't tell apart where there are several. */
  readonly feeds: readonly string[]
  /** The rail that it hangs on and is counted in; absent: it is fed by the module's input. */
  readonly within?: string
}

export interface Board {
  readonly name: string
  /** The rail that feeds the whole module and contains all others; null: the rails of the first level add up to it. */
  readonly total: string | null
  readonly rails: Readonly<Record<string, RailUse>>
}

const NX = {
  total: 'VDD_IN',
  rails: {
    VDD_CPU_GPU_CV: { feeds: ['cpu', 'gpu', 'cv'] },
    VDD_SOC: { feeds: ['soc'] },
  },
}

/**
 * Rails by module, which the device tree names (`nvidia,p3767-0000`).
 * Source: NVIDIA's Jetson Linux developer guide, "Power and performance", and the kernel's device trees, as of 2026-11.
 */
const BOARDS: readonly (readonly [module: RegExp, board: Board])[] = [
  [/p3767/, { name: 'Jetson Orin NX or Nano', ...NX }],
  [/p3668/, { name: 'Jetson Xavier NX', ...NX }],
  [
    /p3701/,
    {
      name: 'Jetson AGX Orin',
      total: null,
      rails: {
        VDD_GPU_SOC: { feeds: ['gpu', 'soc'] },
        VDD_CPU_CV: { feeds: ['cpu', 'cv'] },
        VIN_SYS_5V0: { feeds: ['system'] },
        VDDQ_VDD2_1V8AO: { feeds: ['memory'], within: 'VIN_SYS_5V0' },
      },
    },
  ],
  [
    /p2888/,
    {
      name: 'Jetson AGX Xavier',
      total: null,
      rails: {
        GPU: { feeds: ['gpu'] },
        CPU: { feeds: ['cpu'] },
        SOC: { feeds: ['soc'] },
        CV: { feeds: ['cv'] },
        VDDRQ: { feeds: ['memory'] },
        SYS5V: { feeds: ['system'] },
      },
    },
  ],
  [
    /p3448/,
    {
      name: 'Jetson Nano',
      total: 'POM_5V_IN',
      rails: { POM_5V_GPU: { feeds: ['gpu'] }, POM_5V_CPU: { feeds: ['cpu'] } },
    },
  ],
]

/** Names of a module's input on boards that the table does not know. */
const TOTALS = ['VDD_IN', 'POM_5V_IN', '5V_IN']

/** The board by the device tree. One that the table does not know is known by its input rail, if at all. */
export function boardOf(procRoot: string, labels: readonly string[]): Board {
  const compatible = readText(join(procRoot, 'device-tree/compatible')).text?.split('\0') ?? []
  const known = BOARDS.find(([module]) => compatible.some((name) => module.test(name)))
  if (known !== undefined) return known[1]
  const name = compatible.find((c) => c.startsWith('nvidia,')) ?? 'unknown board'
  return { name, total: TOTALS.find((t) => labels.includes(t)) ?? null, rails: {} }
}
