/**
 * What lies at a path such as `data.meters[0].power`; undefined where the path leads nowhere.
 * @param path keys apart by dots, places in a list in brackets
 */
export function jsonAt(value: unknown, path: string): unknown {
  let here = value
  for (const step of path.match(/[^.[\]]+/g) ?? []) {
    if (here === null || typeof here !== 'object' || !Object.hasOwn(here, step)) return undefined
    here = (here as Record<string, unknown>)[step]
  }
  return here
}
