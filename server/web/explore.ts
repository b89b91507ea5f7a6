import embed, { type VisualizationSpec } from 'vega-embed'

/**
 * The browser's side of a live chart, bundled into dist/web/explore.js: zoom by wheel, drag to move, values on
 * hover, saving as SVG or PNG. Expressions are interpreted, so no page needs to allow eval; no action leaves the page.
 */
Object.assign(globalThis, {
  llemExplore: (element: string, spec: VisualizationSpec) =>
    embed(element, spec, {
      mode: 'vega-lite',
      renderer: 'svg',
      ast: true,
      // Their style sheets are put into the page by script, which its policy refuses: it has its own.
      defaultStyle: false,
      forceActionsMenu: true,
      tooltip: { disableDefaultStyle: true },
      actions: { export: true, source: false, compiled: false, editor: false },
    }),
})
