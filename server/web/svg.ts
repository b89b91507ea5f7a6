import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/**
 * Draws a Vega-Lite spec as SVG text, without a browser or a canvas.
 * @param prefix makes the drawing's ids its own: two drawings of one page would otherwise clip one another
 * @param warn is told what Vega-Lite finds odd about the spec
 * @throws Error where Vega-Lite can't read the spec
 */
export async function drawSvg(
  spec: TopLevelSpec,
  prefix: string,
  warn: (message: string) => void = () => {},
): Promise<string> {
  const { spec: vega } = compile(spec, { logger: logger(warn) })
  const view = new View(parse(vega), { renderer: 'none' })
  try {
    const svg = await view.toSVG()
    return svg.replace(/(\sid="|url\(#)(clip|gradient)/g, `$1${prefix}-$2`)
  } finally {
    view.finalize()
  }
}

/** Vega's own logger prints to the console, where a server's and a command's output belong to others. */
function logger(warn: (message: string) => void) {
  const silent = () => self
  const loud = (...args: readonly unknown[]) => {
    warn(args.map(String).join(' '))
    return self
  }
  const self = { level: silent as never, info: silent, debug: silent, warn: loud, error: loud }
  return self
}
