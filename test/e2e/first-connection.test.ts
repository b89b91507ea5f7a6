import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { AGENT, type Home, makeHome, run, SERVER } from '../support/programs.ts'

// What answers here closes each connection at once, as a server does that dies in that instant. Node 20's own fetch
// then waits for ever, if the connection is the first of its process.
let dying: Server
let url = ''
beforeAll(async () => {
  dying = createServer((connection) => connection.destroy())
  await new Promise<void>((resolve) => dying.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(dying.address() as AddressInfo).port}`
})
afterAll(() => dying.close())

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

test('an agent whose server dies as it is first asked says so', async () => {
  const { code, stderr } = await run(AGENT, ['ship', '--server', url], home)
  // It may close the connection or reset it, as its end falls.
  expect(stderr).toMatch(/^The server \S+ can't be reached \((UND_ERR_SOCKET|ECONNRESET)\)/m)
  expect(stderr).toContain(url)
  expect(code).toBe(0)
})

test('a server takes the place of one that dies as it is asked whether it serves', async () => {
  const lock = { pid: process.pid, url, token: null, started_at: new Date().toISOString() }
  writeFileSync(`${home.db}.lock`, JSON.stringify(lock))
  const args = ['serve', '--db', home.db, '--port', '0', '--json', '--until-stdin-closes']
  const { code, stdout, stderr } = await run(SERVER, args, home)
  expect(stdout, stderr).toContain('"listening"')
  expect(code).toBe(0)
})
