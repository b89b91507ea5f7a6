/**
 * The voting page's own script: asks for a pair, sends the vote, shows what came back. Whatever the answers hold is set
 * as text, never as markup.
 */
export const VOTE_SCRIPT = `
(() => {
  const $ = (id) => document.getElementById(id)
  const buttons = [...document.querySelectorAll('button[data-choice]')]
  const asked = new URLSearchParams(location.search).toString()
  let token = null
  let vote_id = null
  let busy = false

  const say = (text) => { $('status').textContent = text; $('status').hidden = text === '' }

  async function api(path, body) {
    const headers = { 'content-type': 'application/json' }
    const secret = sessionStorage.getItem('llem-token')
    if (secret) headers.authorization = 'Bearer ' + secret
    const answer = await fetch('/api/v1' + path, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) })
    const value = await answer.json()
    if (answer.ok) return value
    $('login').hidden = answer.status !== 401
    throw new Error(value.detail ?? 'The server answered ' + answer.status + '.')
  }

  async function attempt(work) {
    if (busy) return
    busy = true
    try { await work() } catch (error) { say(error.message) } finally { busy = false }
  }

  const load = () => attempt(async () => {
    say('Loading two answers …')
    token = null
    // Where there is no pair, as on every new server, that is no error: the sentence comes with status 200.
    const pair = await api('/pairs/next?' + (asked === '' ? '' : asked + '&') + 'on_none=reason')
    if (pair.reason !== undefined) return say(pair.detail)
    token = pair.token
    for (const [id, text] of [['prompt', pair.prompt], ['left', pair.left.output], ['right', pair.right.output]]) {
      $(id).textContent = text
      $(id).scrollTop = 0
    }
    $('left-title').textContent = 'Answer 1'
    $('right-title').textContent = 'Answer 2'
    for (const side of ['left', 'right']) $(side + '-side').classList.remove('chosen')
    for (const button of buttons) button.disabled = false
    $('votes').hidden = false
    $('reveal').hidden = true
    $('ballot').hidden = false
    say('')
  })

  const number = (value, digits) => value.toLocaleString('en', { maximumSignificantDigits: digits ?? 3 })
  const shown = (value, unit, reason) =>
    value === null ? 'not known' + (reason ? ' (' + reason.replaceAll('_', ' ') + ')' : '') : number(value) + ' ' + unit
  const energy = (side) => {
    const range = side.energy_low_j === null || side.energy_high_j === null ? '' : number(side.energy_low_j) + ' to ' + number(side.energy_high_j)
    return [shown(side.energy_j, 'J', side.energy_reason), range]
  }

  function row(name, left, right) {
    const line = document.createElement('tr')
    const head = document.createElement('th')
    head.scope = 'row'
    head.textContent = name
    line.append(head)
    for (const [text, below] of [[left].flat(), [right].flat()]) {
      const cell = document.createElement('td')
      cell.className = 'num'
      cell.textContent = text
      if (below) {
        const range = document.createElement('small')
        range.textContent = below
        cell.append(range)
      }
      line.append(cell)
    }
    return line
  }

  function reveal(vote) {
    const { left, right, choice, extra_energy_pct } = vote
    const names = [left, right].map((s) => s.model ?? s.set_id)
    const rows = [
      row('model', names[0], names[1]),
      row('energy', energy(left), energy(right)),
      row('time', shown(left.e2e_s, 's', left.e2e_reason), shown(right.e2e_s, 's', right.e2e_reason)),
    ]
    if (left.carbon_reason !== 'not_asked')
      rows.push(row('CO₂e', shown(left.carbon_g, 'g', left.carbon_reason), shown(right.carbon_g, 'g', right.carbon_reason)))
    if (left.valid === false || right.valid === false)
      rows.push(row('run', left.valid === false ? 'invalid' : 'valid', right.valid === false ? 'invalid' : 'valid'))
    $('facts').replaceChildren(...rows)
    $('left-title').textContent = 'Answer 1: ' + names[0]
    $('right-title').textContent = 'Answer 2: ' + names[1]
    if (choice === 'left' || choice === 'right') $(choice + '-side').classList.add('chosen')
    const chosen = names[choice === 'left' ? 0 : 1]
    const more = extra_energy_pct !== null && extra_energy_pct > 0
    $('extra').textContent = choice === 'tie' || choice === 'both_bad'
      ? 'You chose neither.'
      : extra_energy_pct === null
        ? 'You chose ' + chosen + '.'
        : 'You chose ' + chosen + ', which took ' + number(Math.abs(extra_energy_pct), 2) + ' % ' + (more ? 'more' : 'less') + ' energy.' + (more ? ' Was it worth it?' : '')
    $('worth').hidden = !more
    vote_id = vote.vote_id
    $('votes').hidden = true
    $('reveal').hidden = false
    $('reveal-title').focus()
    say('')
  }

  const cast = (choice) => attempt(async () => {
    if (token === null) return
    for (const button of buttons) button.disabled = true
    try {
      const vote = await api('/votes', { token, choice })
      token = null
      reveal(vote)
    } catch (error) {
      for (const button of buttons) button.disabled = false
      throw error
    }
  })

  const worth = (yes) => attempt(async () => {
    await api('/votes/' + vote_id + '/worth_it', { worth_it: yes })
    $('worth').hidden = true
    $('extra').textContent += yes ? ' Yes.' : ' No.'
    $('next').focus()
  })

  for (const button of buttons) button.addEventListener('click', () => cast(button.dataset.choice))
  for (const button of document.querySelectorAll('button[data-worth]'))
    button.addEventListener('click', () => worth(button.dataset.worth === 'true'))
  $('next').addEventListener('click', load)
  $('login').addEventListener('submit', (event) => {
    event.preventDefault()
    sessionStorage.setItem('llem-token', $('token').value.trim())
    $('login').hidden = true
    load()
  })
  document.addEventListener('keydown', (event) => {
    if (!$('keys').checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
    if (event.target instanceof HTMLInputElement && event.target.type !== 'checkbox') return
    const revealed = !$('reveal').hidden
    if (event.key === 'n' && revealed) { event.preventDefault(); load() }
    const button = buttons[['1', '2', '3', '4'].indexOf(event.key)]
    if (button !== undefined && !revealed && token !== null) { event.preventDefault(); cast(button.dataset.choice) }
  })
  // Without a token the first request would only be refused.
  if ($('status').dataset.token === 'required' && !sessionStorage.getItem('llem-token')) {
    $('login').hidden = false
    say('This server requires a token.')
  } else load()
})()
`
