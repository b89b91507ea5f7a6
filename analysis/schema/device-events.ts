import { z } from 'zod'
import { idSchema } from './id.ts'

/** Details of the events that tell of devices: what the `event` stream's `detail` holds, by `code`. */

const settingSchema = z.union([z.number(), z.boolean(), z.string(), z.null()])
/** How a device is set, by the setting's name; null: the driver does not tell. */
export const settingsSchema = z.record(z.string(), settingSchema)
export type Settings = z.infer<typeof settingsSchema>

/** `device_settings`: all settings of a device at the start or the end. */
export const deviceSettingsSchema = z.looseObject({
  device_id: idSchema,
  moment: z.enum(['start', 'end']),
  settings: settingsSchema,
})

/** `setting_changed`: one setting has another value than when it was last read, at `since_t_ns`. */
export const settingChangedSchema = z.looseObject({
  device_id: idSchema,
  setting: z.string(),
  before: settingSchema,
  after: settingSchema,
  since_t_ns: z.number().nullish(),
})

const gpuProcessSchema = z.looseObject({
  pid: z.int(),
  kind: z.string().nullish(),
  name: z.string().nullish(),
  memory_bytes: z.number().nullish(),
  /** Parent first. */
  ancestors: z.array(z.int()).nullish(),
  group: z.int().nullish(),
})
export type GpuProcess = z.infer<typeof gpuProcessSchema>

/** `gpu_processes`: who is on each GPU, from here on until the next such event. null: the driver does not tell. */
export const gpuProcessesSchema = z.looseObject({
  devices: z.record(z.string(), z.array(gpuProcessSchema).nullable()),
  /** False where the driver's pids are not those of the recorded processes. */
  mappable: z.boolean(),
})

/** `used_devices`: how it was found which devices the engine computes on. */
export const usedDevicesSchema = z.looseObject({
  device_ids: z.array(idSchema),
  by: z.string(),
  reason: z.string().nullish(),
})
