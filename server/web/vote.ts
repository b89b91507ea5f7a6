import { html } from 'hono/html'
import { type Page, page } from './page.ts'
import { STYLES } from './styles.ts'

/** Where the server has the page's script. */
export const VOTE_SCRIPT_PATH = '/assets/vote.js'

/**
 * The page on which people vote: two answers to one prompt, blind, and what they took once a vote is cast. It holds no
 * data itself; its parameters (`?a=&b=&zone=`) go to the API.
 * @param token_required the API refuses requests without a token, so the page shows the field for one before it sends any
 */
export function votePage(token_required: boolean): Page {
  const body = html`<header><p class="eyebrow">Quality against energy</p>
<h1>Which answer is better?</h1></header>
<main>
<p id="status" role="status" data-token="${token_required ? 'required' : 'optional'}">Loading two answers …</p>
<noscript><p>This page needs its script; the API works without: <code>GET /api/v1/pairs/next</code>, <code>POST /api/v1/votes</code>.</p></noscript>
<form id="login" hidden><label for="token">Token of this server</label>
  <input id="token" type="password" autocomplete="off" required> <button type="submit">Go on</button></form>
<div id="ballot" hidden>
<section><h2 id="prompt-title">Prompt</h2>
<div id="prompt" class="words" role="region" aria-labelledby="prompt-title" tabindex="0"></div></section>
<div class="answers">
<section id="left-side"><h2 id="left-title">Answer 1</h2>
<div id="left" class="words" role="region" aria-labelledby="left-title" tabindex="0"></div></section>
<section id="right-side"><h2 id="right-title">Answer 2</h2>
<div id="right" class="words" role="region" aria-labelledby="right-title" tabindex="0"></div></section>
</div>
<div class="votes" id="votes" role="group" aria-label="Your vote">
<button type="button" data-choice="left"><kbd>1</kbd> Answer 1 is better</button>
<button type="button" data-choice="right"><kbd>2</kbd> Answer 2 is better</button>
<button type="button" data-choice="tie"><kbd>3</kbd> Equally good</button>
<button type="button" data-choice="both_bad"><kbd>4</kbd> Both bad</button>
</div>
<section id="reveal" hidden aria-labelledby="reveal-title"><h2 id="reveal-title" tabindex="-1">What they took</h2>
<div class="scroll" role="region" aria-label="Table: what the answers took" tabindex="0"><table><thead><tr><td></td><th scope="col" class="num">Answer 1</th><th scope="col" class="num">Answer 2</th></tr></thead>
<tbody id="facts"></tbody></table></div>
<p id="extra"></p>
<div id="worth" class="worth" role="group" aria-labelledby="extra" hidden><button type="button" data-worth="true">Worth it</button>
<button type="button" data-worth="false">Not worth it</button></div>
<p><button type="button" id="next"><kbd>n</kbd> Next pair</button></p></section>
<p class="keys"><label><input type="checkbox" id="keys" checked> Keys 1 to 4 vote, n shows the next pair</label></p>
</div></main>
<footer>Votes are kept as they are cast and never changed. <a href="/">Newest runs</a> · <a href="/docs#routes">API</a></footer>`
  return page({
    title: 'Which answer is better? – llem',
    styles: STYLES + VOTE_STYLES,
    body,
    script_file: VOTE_SCRIPT_PATH,
    requests: true,
  })
}

const VOTE_STYLES = `
.answers { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.5rem; align-items: start; }
.answers section { min-width: 0; }
#ballot h2 { margin: 1.2rem 0 0.4rem; padding: 0; border: 0; font-size: 1rem; }
.words { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--raised); border-radius: 4px; padding: 0.7rem 0.9rem; max-height: 24rem; overflow-y: auto; }
#prompt { max-height: 10rem; }
.words:focus-visible, input:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.chosen .words { box-shadow: inset 0 0 0 2px var(--accent); }
.votes { position: sticky; bottom: 0; display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.5rem; padding: 0.8rem 0; background: var(--ground); }
.votes button, .worth button, #next, #login button { font-size: 1rem; padding: 0.55rem 0.8rem; color: var(--ink); border-color: var(--line); background: var(--raised); }
.votes button:hover, .worth button:hover, #next:hover { border-color: var(--link); }
.votes button:disabled { color: var(--faint); cursor: default; }
.worth { display: flex; gap: 0.5rem; margin-bottom: 0.7rem; }
kbd { font: 600 0.84em ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--faint); margin-right: 0.25rem; }
#reveal table { width: auto; min-width: 55%; }
#reveal .num { white-space: normal; overflow-wrap: anywhere; }
#reveal h2:focus { outline: none; }
#login { margin-bottom: 1rem; }
#login input { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; padding: 0.4rem 0.6rem; margin: 0 0.4rem; }
.keys { margin-top: 1rem; color: var(--faint); font-size: 0.84rem; }
@media (max-width: 640px) {
  .answers { display: block; }
  .answers .words { max-height: none; }
  #prompt { max-height: 7rem; }
  .votes { grid-template-columns: 1fr 1fr; }
  .votes button { padding: 0.55rem 0.4rem; }
  #reveal table { min-width: 100%; }
}
@media (hover: none) and (pointer: coarse) { .keys, kbd { display: none; } }
`
