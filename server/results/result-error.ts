/** Results of another tool that can't be taken: one sentence with the file and the remedy. */
export class ResultError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ResultError'
  }
}
