import { z } from 'zod'
import { calibrationSchema, METER_SEES } from './calibration.ts'
import { idSchema } from './id.ts'

/** Detail of an event `calibration_step`: one step of load, settled. Times on the run clock. */
export const calibrationStepSchema = z.looseObject({
  step: z.int().nonnegative(),
  level: z.number().min(0).max(1).meta({ description: 'share of the time that the load works' }),
  start_t_ns: z.number(),
  end_t_ns: z.number(),
  typed_w: z.number().nullish().meta({ description: 'what a person read off a meter, W' }),
  typed_step_w: z.number().positive().nullish().meta({ description: 'its last digit, W' }),
})
export type CalibrationStep = z.infer<typeof calibrationStepSchema>

/** Why a sensor can't be calibrated by what was recorded. */
export const CALIBRATION_REFUSALS = {
  no_meter: 'the meter told nothing',
  no_sensor: 'the sensor told nothing',
  too_few_steps: 'fewer than three steps of load were measured on both sides',
  span_too_small: "the sensor's power changed too little between idle and full load",
  meter_too_coarse: "the meter's last digit is too coarse for what the load changes",
  meter_drifted: 'the meter told another idle power at the end than at the start',
  implausible_gain: 'the meter does not follow the device: another machine or supply?',
  too_uncertain: 'the steps scatter too much about a straight line',
  no_sharper: 'the sensor would be known no better than by its stated bound',
} as const
export type CalibrationRefusal = keyof typeof CALIBRATION_REFUSALS

const stepSchema = z.object({
  level: z.number(),
  seconds: z.number(),
  read_w: z.number().meta({ description: 'by the sensor' }),
  read_u_w: z.number(),
  meter_w: z.number(),
  meter_u_w: z.number(),
  others_w: z.number().meta({ description: 'of the other parts that are measured' }),
  residual_w: z.number().nullable().meta({ description: 'meter side less the line' }),
})

const resultSchema = z.object({
  source: z.string(),
  refusal: z
    .enum(Object.keys(CALIBRATION_REFUSALS) as [CalibrationRefusal, ...CalibrationRefusal[]])
    .nullable(),
  why: z.string().nullable().meta({ description: 'a sentence' }),
  calibration: calibrationSchema.nullable(),
  /** Standard, parts of gain_u. */
  parts: z.array(z.object({ name: z.string(), value: z.number() })),
  chi_square_reduced: z.number().nullable(),
  steps: z.array(stepSchema),
})
export type CalibrationResult = z.infer<typeof resultSchema>

/** What a recording of steps tells of one device. */
export const calibrateSchema = z.object({
  device_id: idSchema,
  model: z.string().nullable(),
  driver_version: z.string().nullable(),
  meter: z.string(),
  sees: z.enum(METER_SEES),
  psu_efficiency: z.number(),
  psu_efficiency_u: z.number(),
  others: z.array(z.string()).meta({ description: 'parts whose own change was taken away' }),
  assumptions: z.array(z.string()).meta({ description: 'sentences: what the result rests on' }),
  results: z.array(resultSchema),
})
export type CalibrateReport = z.infer<typeof calibrateSchema>

/** What `llem-agent calibrate --json` prints. */
export const calibrateAnswerSchema = calibrateSchema.extend({
  bundle: z.string().meta({ description: 'where the recording is kept' }),
  stored: z
    .string()
    .nullable()
    .meta({ description: 'file of the calibrations; null: none was stored' }),
})
