import { z } from 'zod'
import { KERNELS } from './kernels.ts'

/** What the operands are: random bits draw all that a kernel can, zeros little enough for clocks to hold. */
const OPERANDS = ['random', 'zero'] as const
export type Operands = (typeof OPERANDS)[number]

/** A GPU as the worker found it. */
export const readySchema = z.object({
  ready: z.object({
    driver_version: z.int().describe('1000 × major + 10 × minor'),
    multiprocessors: z.int().positive(),
    capability: z.int().positive().describe('10 × major + minor'),
    kernels: z.array(z.enum(KERNELS)).min(1).describe('those that this card can run'),
  }),
})
export type BurstWorkerInfo = z.infer<typeof readySchema>['ready']

/** What the agent asks: the kernel and operands of what follows, or so many launches one after another. */
export const requestSchema = z.union([
  z.object({ use: z.object({ kernel: z.enum(KERNELS), operands: z.enum(OPERANDS) }) }),
  z.object({ burst: z.object({ launches: z.int().positive() }) }),
])
export type BurstRequest = z.infer<typeof requestSchema>

/** Readings of CLOCK_MONOTONIC, decimal digits: one clock for all processes of the host. */
const hrtime = z.string().regex(/^\d+$/)

export const usedSchema = z.object({
  used: z.object({ launch_s: z.number().positive().describe('seconds that one launch takes') }),
})
export const doneSchema = z.object({ done: z.object({ begin_ns: hrtime, end_ns: hrtime }) })
export const failedSchema = z.object({ failed: z.string() })
