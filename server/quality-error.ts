/** A question about quality that can't be answered: the parameter that decides it, and a sentence with the remedy. */
export class QualityError extends Error {
  readonly code: 'mixed_definition' | 'unknown_dataset'
  readonly parameter = 'quality_dataset'
  constructor(code: QualityError['code'], message: string) {
    super(message)
    this.name = 'QualityError'
    this.code = code
  }
}
