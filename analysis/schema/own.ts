/** What a table has under a word that somebody else wrote: `__proto__` and `constructor` are no rows of it. */
export const ownValue = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined =>
  Object.hasOwn(table, word) ? table[word] : undefined
