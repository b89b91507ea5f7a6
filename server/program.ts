declare const LLEM_VERSION: string | undefined
/** Version of the package, set when the program is bundled. */
export const VERSION = typeof LLEM_VERSION === 'string' ? LLEM_VERSION : '0.0.0-source'
