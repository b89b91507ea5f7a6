/** full: no space left; denied: not allowed; damaged: what is there can't be read as a run; gone: not there any more. */
export type SpoolFault = 'full' | 'denied' | 'damaged' | 'gone' | 'failed'

/** The spool can't be written or read; the message names the place and the remedy. */
export class SpoolError extends Error {
  readonly fault: SpoolFault
  constructor(fault: SpoolFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SpoolError'
    this.fault = fault
  }
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'])

/** An error of the file system in words, for the run whose spool is `dir`. */
export function spoolError(error: unknown, dir: string): SpoolError {
  if (error instanceof SpoolError) return error
  const code = (error as NodeJS.ErrnoException | null)?.code ?? null
  const options = { cause: error }
  if (code !== null && FULL.has(code))
    return new SpoolError(
      'full',
      `There is no room left to record in ${dir} (${code}). What was recorded until now is kept there; free some space, or set LLEM_SPOOL to a larger disk, then run: llem-agent ship`,
      options,
    )
  if (code !== null && DENIED.has(code))
    return new SpoolError(
      'denied',
      `Cannot write to the spool ${dir} (${code}). Set LLEM_SPOOL to a directory that you may write to.`,
      options,
    )
  if (code === 'ENOENT')
    return new SpoolError(
      'gone',
      `The spool ${dir} is not there any more, or not whole (${(error as Error).message}).`,
      options,
    )
  const message = error instanceof Error ? error.message : String(error)
  return new SpoolError('failed', `The spool ${dir} can't be used (${message}).`, options)
}
