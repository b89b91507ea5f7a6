/**
 * The look of live charts: of Vega-Embed's menu and of Vega-Tooltip's box. Theirs are put into the page by script, which
 * its policy refuses, and know no dark theme.
 */
export const LIVE_STYLES = `
.live { overflow-x: auto; position: relative; padding-top: 4px; }
.vega-embed { position: relative; display: inline-block; }
.vega-embed summary { position: absolute; top: 0; right: 0; z-index: 2; padding: 5px; line-height: 0; list-style: none; color: var(--faint); background: var(--ground); border: 1px solid var(--line); border-radius: 999px; }
.vega-embed summary::-webkit-details-marker { display: none; }
.vega-embed summary svg { width: 14px; height: 14px; fill: currentColor; stroke: currentColor; }
.vega-embed .vega-actions { position: absolute; top: 30px; right: 0; z-index: 3; display: flex; flex-direction: column; padding: 0.3rem 0; background: var(--ground); border: 1px solid var(--line); border-radius: 4px; }
.vega-embed .vega-actions a { padding: 0.3rem 0.9rem; font-size: 0.88rem; white-space: nowrap; text-decoration: none; }
.vega-embed .vega-actions a:hover, .vega-embed .vega-actions a:focus { background: var(--raised); }
#vg-tooltip-element { visibility: hidden; position: fixed; z-index: 1000; padding: 0.3rem 0.6rem; font-size: 0.8rem; white-space: pre-line; color: var(--ink); background: var(--ground); border: 1px solid var(--line); border-radius: 3px; }
#vg-tooltip-element.visible { visibility: visible; }
#vg-tooltip-element table { width: auto; }
#vg-tooltip-element td { border: 0; padding: 0.05rem 0.3rem; }
#vg-tooltip-element td.key { color: var(--faint); text-align: right; }
#vg-tooltip-element td.value { max-width: 300px; overflow-wrap: anywhere; }
`
