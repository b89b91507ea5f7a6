import { fileURLToPath } from 'node:url'

/** The checkout's directory, with its closing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
