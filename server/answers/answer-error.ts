/** Answers that can't be taken or compared: one sentence with the remedy. */
export class AnswerError extends Error {
  readonly code: 'unknown_answers' | 'no_answers' | 'same_answers' | 'no_pairs' | 'answers_refused'
  constructor(code: AnswerError['code'], message: string) {
    super(message)
    this.name = 'AnswerError'
    this.code = code
  }
}
