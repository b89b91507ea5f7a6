import type { Device } from '../../analysis/schema/device.ts'
import type { Reason } from '../../analysis/schema/reason.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlHandle } from '../ffi/nvml-call.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { architectureName, identityOf, watts } from './nvml-identity.ts'
import type { Losses } from './nvml-loss.ts'
import { settingsOf } from './nvml-settings.ts'

/**
 * Asks a device who it is.
 * @returns the device, or why it can't be used: one without UUID can't be told from another
 */
export function describeDevice(
  nvml: Nvml,
  index: number,
  losses: Losses,
): { device: NvmlDevice } | { device: null; reason: Reason } {
  const found = nvml.handleByIndex(index)
  if (found.value === null) return { device: null, reason: found.reason }
  const handle: NvmlHandle = { pointer: found.value }
  const uuid = nvml.uuid(handle)
  if (uuid.value === null) return { device: null, reason: uuid.reason }
  const device_id = uuid.value
  const identity = identityOf(nvml, handle)
  const settings = settingsOf(nvml, handle)
  const default_limit_w = watts(nvml.defaultPowerLimit(handle))
  const device: Device = {
    device_id,
    kind: 'gpu',
    vendor: 'nvidia',
    model: nvml.model(handle).value,
    tdp_w: default_limit_w,
    power_limit_w: settings.power_limit_enforced_w,
    memory_bytes: identity.memory.total_bytes,
    index,
    pci: nvml.pci(handle).value,
    architecture: architectureName(nvml.architecture(handle).value),
    compute_capability: identity.compute_capability,
    ...(settings.mig_mode === true ? { partitioned: true } : {}),
  }
  const environment = {
    ...identity,
    persistence_mode: settings.persistence_mode,
    mig_mode: settings.mig_mode,
    default_limit_w,
    enforced_limit_w: settings.power_limit_enforced_w,
    settings,
  }
  return {
    device: { uuid: device_id, device, handle, environment, ...losses.guard(device_id, handle) },
  }
}
