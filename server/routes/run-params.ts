import { z } from 'zod'

/** Where an address names a run to be looked at. */
export const runParams = z.strictObject({
  run_id: z.string().min(1).max(300).meta({
    description:
      'an id, a unique prefix of one, name:NAME, tag:KEY=VALUE (the newest) or last (the newest that did not fail)',
  }),
})
