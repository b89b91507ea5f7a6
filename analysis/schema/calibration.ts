import { z } from 'zod'
import { idSchema } from './id.ts'

/** What a meter measures: the device alone, or the node that it is in. */
export const METER_SEES = ['node', 'device'] as const
export type MeterSees = (typeof METER_SEES)[number]

/**
 * What one source of one device's power was found to be wrong by, against a meter: true watts are gain × read watts +
 * offset. Stored beside the readings, which stay as they were read; it holds for the driver that it was taken under.
 */
export const calibrationSchema = z
  .strictObject({
    device_id: idSchema,
    driver_version: z
      .string()
      .nullable()
      .default(null)
      .describe('of the run that it may be applied to; null: whatever the driver'),
    source: z.string().min(1).describe("a sensor's source, e.g. nvml_power_ring"),
    gain: z.number().positive(),
    gain_u: z.number().nonnegative().describe('standard uncertainty of the gain'),
    offset_w: z.number(),
    offset_u_w: z.number().nonnegative().describe('standard uncertainty of the offset, W'),
    covariance: z
      .number()
      .default(0)
      .describe('of gain and offset, W: of a straight line fitted to both, mostly negative'),
    measured_at: z.iso
      .datetime({ precision: 3 })
      .describe('UTC with milliseconds, so that the order of the texts is that of the times'),
    meter: z.string().min(1).describe('what it was measured against'),
    sees: z
      .enum(METER_SEES)
      .nullish()
      .describe('node: the increments of the whole node, so that idle power is as it was read'),
    psu_efficiency: z
      .number()
      .positive()
      .nullish()
      .describe('of what the meter tells, the share that was taken to reach the parts'),
    psu_efficiency_u: z.number().nonnegative().nullish().describe('its standard uncertainty'),
    hostname: z
      .string()
      .nullish()
      .describe('where it was made: processors of several hosts have the same device_id'),
    n: z.int().positive().nullish().describe('steps of load'),
    range_w: z
      .tuple([z.number(), z.number()])
      .nullish()
      .describe('least and most that was read, W'),
  })
  .refine((c) => Math.abs(c.covariance) <= c.gain_u * c.offset_u_w * (1 + 1e-9), {
    path: ['covariance'],
    message: 'must not be larger than gain_u × offset_u_w',
  })
export type Calibration = z.infer<typeof calibrationSchema>
