import { z } from 'zod'
import { idSchema } from './id.ts'

export const DEVICE_KINDS = [
  'gpu',
  'gpu_instance',
  'cpu_package',
  'dram',
  'soc',
  'module',
  'node',
  'battery',
  'rail',
  'supply',
  'npu',
] as const
export type DeviceKind = (typeof DEVICE_KINDS)[number]

/** One energy-using part, named by UUID (GPU) or by a stable name of the host (`cpu_package:0`). */
export const deviceSchema = z.looseObject({
  device_id: idSchema,
  kind: z
    .union([z.enum(DEVICE_KINDS), z.string()])
    .nullish()
    .meta({ description: 'absent: told by the metrics that are read of it, else gpu' }),
  vendor: z.string().nullish(),
  model: z.string().nullish(),
  tdp_w: z.number().positive().nullish().meta({ description: 'rated power, W' }),
  power_limit_w: z
    .number()
    .positive()
    .nullish()
    .meta({ description: 'enforced limit at start, W' }),
  memory_bytes: z.number().nonnegative().nullish(),
  parent_device_id: idSchema.nullish(),
  made_of: z.array(idSchema).nullish().meta({
    description: 'devices whose energies add up to its own, where no sensor measures it whole',
  }),
  index: z.int().nonnegative().nullish(),
  pci: z.string().nullish(),
})
export type StatedDevice = z.infer<typeof deviceSchema>
export type Device = StatedDevice & { readonly kind: string }
