import type { Answer } from './answer.ts'
import type { Span } from './run-span.ts'

/** Measured requests that succeeded and whose last token arrived in the span (left-open, right-closed). */
export const completedWithin = (answers: readonly Answer[], span: Span): Answer[] =>
  answers.filter((a) => a.measured && a.succeeded && endsWithin(a, span))

/** Measured requests that ended in the span without a whole answer, those that the client cut too. */
export const failedWithin = (answers: readonly Answer[], span: Span): Answer[] =>
  answers.filter((a) => a.measured && !a.succeeded && endsWithin(a, span))

const endsWithin = ({ end_ns }: Answer, span: Span): boolean =>
  end_ns > span.start_ns && end_ns <= span.end_ns
