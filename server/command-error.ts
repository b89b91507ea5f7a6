/** A command that ends with one sentence on stderr. 1: the work failed; 2: the command line or configuration is wrong. */
export class CommandError extends Error {
  readonly exit: 1 | 2
  constructor(exit: 1 | 2, message: string) {
    super(message)
    this.name = 'CommandError'
    this.exit = exit
  }
}
