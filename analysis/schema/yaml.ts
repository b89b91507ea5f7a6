import {
  type Document,
  isAlias,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml'

/** Text that is no YAML or JSON, or YAML that can't be taken. The message goes on after the file's name, with the place and the reason. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'YamlError'
  }
}

/** Values that aliases may add to those that are written: a hundred times a large study, and far from a bomb. */
const MAX_REPEATED = 100_000
/** Deeper than any configuration, and well within the stack of the program. */
const MAX_DEPTH = 100

/**
 * One document of YAML or JSON to plain values. Time and memory grow with the text alone: aliases may repeat values, within
 * a bound, and never hold themselves.
 * @throws YamlError
 */
export function parseYaml(text: string): unknown {
  try {
    const value: unknown = documentOf(text).toJS({ maxAliasCount: -1 })
    checkShape(value)
    return value
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep()
    // Of an alias without its anchor.
    if (error instanceof ReferenceError) throw noYaml(error.message)
    throw error
  }
}

function documentOf(text: string): Document {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    // Quoting the place, the library compiles a pattern as long as the nesting is deep, which can end the process.
    prettyErrors: false,
    // Its own check compares every key with every other.
    uniqueKeys: false,
    // A second document is an error, and nothing is printed.
    logLevel: 'error',
  })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `line ${line}, column ${col}`
  }
  const [fault] = document.errors
  if (fault !== undefined) {
    if (/call stack/i.test(fault.message)) throw tooDeep()
    if (fault.code === 'MULTIPLE_DOCS')
      throw new YamlError(`holds more than one document (${at(fault.pos[0])}); leave one`)
    throw noYaml(`${fault.message} at ${at(fault.pos[0])}`)
  }
  visit(document, {
    Map: (_, map) => checkKeys(map, at),
  })
  return document
}

function checkKeys(map: YAMLMap, at: (offset: number) => string): void {
  const keys = new Set<unknown>()
  for (const { key } of map.items) {
    if (!isScalar(key) || isAlias(key)) continue
    // Merge keys may stand twice; they are no keys of the mapping.
    if (key.value !== '<<' && keys.has(key.value))
      throw new YamlError(
        `has the key ${JSON.stringify(key.value)} twice in one mapping, at ${at(key.range?.[0] ?? 0)}; leave one`,
      )
    keys.add(key.value)
  }
}

/** Values as they would be written out without aliases: no deeper and no more than the bounds, and none within itself. */
function checkShape(root: unknown): void {
  const seen = new Set<object>()
  const above = new Set<object>()
  let repeated = 0
  const walk = (value: unknown, again: boolean): void => {
    if (again && ++repeated > MAX_REPEATED)
      throw new YamlError(
        `repeats values by aliases more than ${MAX_REPEATED} times; write out what is meant`,
      )
    if (value === null || typeof value !== 'object') return
    if (above.has(value))
      throw new YamlError('holds an alias within its own anchor, which has no end; write it out')
    if (above.size >= MAX_DEPTH) throw tooDeep()
    const repeats = again || seen.has(value)
    seen.add(value)
    above.add(value)
    for (const inner of Object.values(value)) walk(inner, repeats)
    above.delete(value)
  }
  walk(root, false)
}

const noYaml = (why: string) => new YamlError(`is neither YAML nor JSON: ${why}`)

const tooDeep = () =>
  new YamlError(`is nested deeper than ${MAX_DEPTH} levels; leave out the levels that hold nothing`)
