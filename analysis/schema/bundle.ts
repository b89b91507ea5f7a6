import { z } from 'zod'

/**
 * manifest.json: SHA-256 and size of each file of the bundle, by path with forward slashes.
 * A bundle written by hand may do without.
 */
export const manifestSchema = z.looseObject({
  bundle_version: z.int().positive(),
  files: z.record(
    z.string(),
    z.object({
      sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
      bytes: z.int().nonnegative(),
    }),
  ),
})
export type Manifest = z.infer<typeof manifestSchema>

/** The chunk's place in a bundle, in a spool and on export: streams/PROCESS/STREAM/SEQ.arrow. */
export function chunkPath(process_id: string, stream: string, seq: number): string {
  return `streams/${process_id}/${stream}/${String(seq).padStart(6, '0')}.arrow`
}
