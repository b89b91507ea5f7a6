/** A bundle that can't be taken: one sentence with the file and the remedy. */
export class BundleError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BundleError'
  }
}
