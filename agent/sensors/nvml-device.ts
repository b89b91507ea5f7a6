import type { Device } from '../../analysis/schema/device.ts'
import type { NvmlHandle } from '../ffi/nvml-call.ts'
import type { Guard } from './nvml-loss.ts'

/** A GPU, and whether it answers. */
export interface NvmlDevice extends Guard {
  readonly uuid: string
  readonly device: Device
  readonly handle: NvmlHandle
  /** What it is, and how it is set at the start: for run.json. */
  readonly environment: Readonly<Record<string, unknown>>
}
