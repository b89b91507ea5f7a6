import { createRedactor } from '../../analysis/schema/redact.ts'

const { value } = createRedactor(() => '(hidden)')

/**
 * A configuration fit to be shown to others. What is stored is redacted already, unless it was read from a file beside
 * the database: the same rules hide the same values, here without digits to compare.
 */
export const shareableConfig = (config: unknown): unknown => value(config)
