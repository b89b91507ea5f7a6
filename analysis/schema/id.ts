import { z } from 'zod'

/** An id of a run, process, device, sensor or study: ours are UUIDv7 in lower case, others may be any of these. */
export const ID_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$/
export const idSchema = z
  .string()
  .regex(ID_PATTERN, 'must be 1 to 128 of A-Z a-z 0-9 . _ : - and not begin with . : or -')
