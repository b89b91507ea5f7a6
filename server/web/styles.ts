/**
 * The look of every page: quiet, dense, readable in light, dark, on paper and on a phone. Colours are custom
 * properties, which the charts' drawings use too. Text meets 4.5 : 1 against its ground in both themes.
 */
export const STYLES = `
:root {
  color-scheme: light dark;
  --ground: #fff; --raised: #f5f7f8; --ink: #1c2733; --faint: #55616d; --grid: #dde3e8; --line: #c9d1d8;
  --link: #0b5cad; --accent: #2f6f4f; --bad: #a8201a; --bad-ground: #fdf0ee; --warn: #7a4f00; --warn-ground: #fdf5e3;
  --c1: #0b5cad; --c2: #b3410e; --c3: #2f6f4f; --c4: #7a3e9d; --c5: #8a6d00; --c6: #00727a; --c7: #a02c5d; --c8: #66717b;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #12171c; --raised: #1a2128; --ink: #dde4ea; --faint: #9aa7b3; --grid: #29323b; --line: #3a4550;
    --link: #79b8ff; --accent: #6cc495; --bad: #ff9d94; --bad-ground: #35191a; --warn: #eac26b; --warn-ground: #302713;
    --c1: #6cb0f5; --c2: #f08c5a; --c3: #6cc495; --c4: #c79bea; --c5: #d9bb4a; --c6: #58c4cc; --c7: #ef8fb8; --c8: #9aa7b3;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 62rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
a { color: var(--link); }
h1, h2, h3 { line-height: 1.25; font-weight: 600; margin: 0; }
h1 { font-size: 1.75rem; letter-spacing: -0.01em; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.6rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 0.4rem; }
p, ul, dl, pre, table, figure { margin: 0 0 0.7rem; }
p { max-width: 44rem; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.84em; }
pre { padding: 0.7rem 0.9rem; background: var(--raised); border-radius: 4px; overflow-x: auto; line-height: 1.45; }
pre code { font-size: 0.84rem; }
small, .note, figcaption { color: var(--faint); font-size: 0.84rem; }
.eyebrow { margin: 0; color: var(--faint); font-size: 0.84rem; }
.stamp, .tag { display: inline-block; border: 1px solid; border-radius: 3px; font-weight: 600; vertical-align: middle; }
.stamp { font-size: 0.85rem; padding: 0.05rem 0.5rem; margin-left: 0.35rem; letter-spacing: 0.03em; }
.tag { font-size: 0.78rem; padding: 0 0.4rem; line-height: 1.45; }
.valid { color: var(--accent); }
.invalid.stamp, .invalid.tag { color: var(--bad); background: var(--bad-ground); }
.caution.tag { color: var(--warn); background: var(--warn-ground); }
.info.tag { color: var(--faint); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 0.15rem 1.5rem; }
.facts > div { display: flex; gap: 0.6rem; min-width: 0; }
.facts dt { flex: 0 0 6.5rem; color: var(--faint); }
.facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere; white-space: pre-line; }
header .facts { margin-top: 0.8rem; }
nav { margin-top: 1rem; font-size: 0.9rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; list-style: none; padding: 0; margin: 0; }
.figure { font-size: 1.5rem; margin: 0.2rem 0 0.5rem; max-width: none; line-height: 1.3; }
.figure strong { font-size: 2.6rem; font-weight: 600; letter-spacing: -0.02em; }
.figure.none { color: var(--faint); }
.figure .unit { font-size: 1rem; }
.figure .tag { font-size: 0.9rem; }
.pm, .unit { color: var(--faint); white-space: nowrap; }
.warning { color: var(--warn); }
.notes { list-style: none; padding: 0; }
.beside { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.5rem 1.5rem; margin: 1.1rem 0; }
.beside dt { color: var(--faint); font-size: 0.84rem; }
.beside dd { margin: 0; font-size: 1.3rem; line-height: 1.3; }
.beside .unit { font-size: 0.84rem; }
.beside dd.range { font-size: 0.84rem; color: var(--faint); }
.none { color: var(--faint); }
.findings { list-style: none; padding: 0; }
.findings > li { padding: 0.15rem 0 0.15rem 0.8rem; border-left: 3px solid var(--line); margin-bottom: 0.45rem; }
.findings > li.invalid { border-color: var(--bad); }
.findings > li.caution { border-color: var(--warn); }
.findings p { margin: 0; max-width: 52rem; }
.findings code { color: var(--faint); }
caption { text-align: left; font-weight: 600; padding: 0.6rem 0 0.2rem; }
details > summary { cursor: pointer; color: var(--link); font-size: 0.84rem; width: max-content; max-width: 100%; }
details[open] > summary { margin-bottom: 0.4rem; }
.scroll { overflow-x: auto; margin-bottom: 0.7rem; }
.scroll:focus-visible, pre:focus-visible, button:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; line-height: 1.4; margin: 0; }
th, td { text-align: left; vertical-align: baseline; padding: 0.28rem 0.9rem 0.28rem 0; border-bottom: 1px solid var(--grid); }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--faint); font-weight: 500; border-bottom-color: var(--line); vertical-align: bottom; }
tbody th { font-weight: 400; }
tbody th:has(code) { min-width: 11rem; }
th code { display: block; color: var(--faint); font-size: 0.8em; overflow-wrap: anywhere; }
.num { text-align: right; white-space: nowrap; }
td small { display: block; }
.scalars, .devices { min-width: 44rem; }
.scalars { table-layout: fixed; }
.scalars th:first-child { width: 27%; }
.scalars th:nth-child(2), .scalars th:nth-child(4), .scalars th:nth-child(5) { width: 10%; }
.scalars th:nth-child(3) { width: 11%; }
.scalars th:nth-child(6) { width: 7%; }
.devices td:last-child { min-width: 12rem; }
.spread { font-size: 0.82rem; }
.spread th, .spread td { padding-right: 0.7rem; }
.reasons > div { margin-bottom: 0.5rem; }
.reasons dt { font-weight: 600; font-size: 0.9rem; }
.reasons dt::first-letter { text-transform: uppercase; }
.reasons dd { margin: 0; font-size: 0.88rem; }
.reasons code { color: var(--faint); }
td.num small { font-size: 0.78rem; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 0.5rem 2rem; }
figure { grid-column: 1 / -1; min-width: 0; }
figure.half { grid-column: auto; }
figure h3 { margin-top: 0.6rem; }
figcaption { margin: 0.3rem 0; }
figure svg { display: block; max-width: 100%; height: auto; }
figure .narrow { display: none; }
.more { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; align-items: baseline; }
.more details[open] { flex: 1 0 100%; }
.more table { width: auto; min-width: 60%; }
button { font: inherit; font-size: 0.84rem; color: var(--link); background: none; border: 1px solid var(--line); border-radius: 4px; padding: 0.1rem 0.6rem; cursor: pointer; }
button[aria-pressed="true"] { background: var(--raised); }
[hidden] { display: none !important; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { margin-top: 2.5rem; padding-top: 0.6rem; border-top: 1px solid var(--line); color: var(--faint); font-size: 0.84rem; }
@media (max-width: 640px) {
  body { padding: 1rem 1rem 2rem; }
  h1 { font-size: 1.4rem; }
  .beside { grid-template-columns: 1fr 1fr; }
  .figure { font-size: 1.25rem; }
  .figure strong { font-size: 2.1rem; }
  .charts { display: block; }
  figure .wide { display: none; }
  figure .narrow { display: block; }
}
@media print {
  @page { margin: 15mm 14mm; }
  body { font-size: 9.5pt; max-width: none; padding: 0; }
  nav, button, details:not([open]) { display: none; }
  h2 { margin-top: 1.4rem; }
  h2, h3 { break-after: avoid; }
  figure, tr, .findings > li, .headline { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 8.5pt; }
  pre { white-space: pre-wrap; }
}
`
