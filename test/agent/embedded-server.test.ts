import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { connectServer, type ServerConnection } from '../../agent/embedded-server.ts'
import { isAlive, processIdentity } from '../../agent/process-alive.ts'
import { ServerStartError, startServer } from '../../agent/server-child.ts'
import { ServerError } from '../../agent/server-error.ts'
import { WIRE_HEADER, WIRE_VERSION } from '../../analysis/schema/wire.ts'
import { temporaryDirectories } from './spool-support.ts'

const temporary = temporaryDirectories()
const open: ServerConnection[] = []
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.stop()
})

/** A program that does what `llem-server serve` promises, and notes how it was started. */
const PROGRAM = `
import { createServer } from 'node:http'
import { writeFileSync, appendFileSync } from 'node:fs'
const db = process.argv[process.argv.indexOf('--db') + 1]
appendFileSync(db + '.starts', JSON.stringify({ pid: process.pid, args: process.argv.slice(2), token: process.env.LLEM_TOKEN }) + '\\n')
const server = createServer((request, response) => {
  const known = request.url === '/healthz' || request.headers.authorization === 'Bearer ' + process.env.LLEM_TOKEN
  response.writeHead(known ? 200 : 401, { '${WIRE_HEADER}': '${WIRE_VERSION}' })
  response.end(JSON.stringify({ pid: process.pid }))
})
server.listen(0, '127.0.0.1', () => {
  console.log('a line that is not the one')
  console.log(JSON.stringify({ listening: 'http://127.0.0.1:' + server.address().port }))
})
process.stdin.resume().on('end', () => process.exit(0))
`

async function connect(
  dir: string,
  program = PROGRAM,
  say: (text: string) => void = () => undefined,
) {
  const path = join(dir, 'server.mjs')
  await writeFile(path, program)
  const connection = await connectServer({
    server: null,
    db: join(dir, 'llem.db'),
    token: null,
    say,
    command: [process.execPath, path],
  })
  open.push(connection)
  return connection
}
interface Start {
  readonly pid: number
  readonly args: readonly string[]
  readonly token: string
}
const starts = async (dir: string) =>
  (await readFile(join(dir, 'llem.db.starts'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Start)
const gone = async (pid: number) => {
  const identity = processIdentity(pid)
  while (isAlive(identity)) await new Promise((r) => setTimeout(r, 5))
}

describe('without an address', () => {
  test('a server is started on the database, with a token that is not on its command line', async () => {
    const dir = await temporary()
    const { client } = await connect(dir)
    expect(await client.get('/runs')).toMatchObject({ pid: expect.any(Number) })
    const [start] = await starts(dir)
    expect(start?.args).toEqual([
      'serve',
      ...['--db', join(dir, 'llem.db'), '--port', '0', '--json', '--until-stdin-closes'],
    ])
    expect(start?.token).toMatch(/^[0-9a-f]{48}$/)
  })
  test('it ends with the connection', async () => {
    const dir = await temporary()
    const connection = await connect(dir)
    const [start] = await starts(dir)
    await connection.stop()
    expect(isAlive({ pid: start?.pid as number, started: null })).toBe(false)
    await connection.stop()
  })
  test('killed, it is started again for the next question, and only once', async () => {
    const dir = await temporary()
    const connection = await connect(dir)
    const before = connection.client.url
    const [first] = await starts(dir)
    process.kill(first?.pid as number, 'SIGKILL')
    await gone(first?.pid as number)
    await Promise.all([
      connection.resolve(),
      connection.client.get('/a'),
      connection.client.text('/b'),
    ])
    expect(connection.client.url).not.toBe(before)
    expect(await starts(dir)).toHaveLength(2)
  })
  test('one that answers is kept', async () => {
    const dir = await temporary()
    const connection = await connect(dir)
    await connection.resolve()
    expect(await starts(dir)).toHaveLength(1)
  })
  test('one that can not start is a sentence with its own words', async () => {
    const program = `console.error('llem.db is not a SQLite database. Give another file with --db.'); process.exit(2)`
    const error = await connect(await temporary(), program).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ServerStartError)
    expect(error).toMatchObject({
      kind: 'config',
      exit_code: 2,
      message:
        'The embedded server did not start (exit 2): llem.db is not a SQLite database. Give another file with --db.',
    })
  })
  test('a program that is not there is a sentence too', async () => {
    await expect(startServer(['/no/such/program'], 't')).rejects.toThrow(
      'The embedded server did not start (spawn /no/such/program ENOENT).',
    )
  })
})

describe('a lock file beside the database', () => {
  async function serving() {
    const seen: (string | undefined)[] = []
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(200, { [WIRE_HEADER]: WIRE_VERSION })
      response.end('{"other":true}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const close = () => {
      server.closeAllConnections()
      server.close()
    }
    return { url, seen, close }
  }
  const lock = (dir: string, fields: object) =>
    writeFile(
      join(dir, 'llem.db.lock'),
      JSON.stringify({ pid: process.pid, token: 'theirs', started_at: 'x', ...fields }),
    )

  test('names the server that is used, with its token, and is not stopped', async () => {
    const dir = await temporary()
    const other = await serving()
    await lock(dir, { url: other.url })
    const connection = await connect(dir)
    expect(await connection.client.get('/runs')).toEqual({ other: true })
    expect(other.seen.at(-1)).toBe('Bearer theirs')
    await connection.stop()
    expect((await fetch(other.url)).ok).toBe(true)
    other.close()
  })
  test('when that server ends in the middle, one is started', async () => {
    const dir = await temporary()
    const other = await serving()
    await lock(dir, { url: other.url })
    const connection = await connect(dir)
    other.close()
    expect(await connection.client.get('/runs')).toMatchObject({ pid: expect.any(Number) })
  })
  test.each([
    ['of a dead process', { pid: 2 ** 22 + 1, url: 'http://127.0.0.1:1' }],
    ['of a server that does not answer', { url: 'http://127.0.0.1:1' }],
    ['of another shape', { url: 7 }],
  ])('%s is not used', async (_, fields) => {
    const dir = await temporary()
    await lock(dir, fields)
    const { client } = await connect(dir)
    expect(await client.get('/runs')).toMatchObject({ pid: expect.any(Number) })
  })
  test('of an agent that started its server in the same instant is used', async () => {
    const dir = await temporary()
    const other = await serving()
    const content = JSON.stringify({ pid: process.pid, url: other.url, token: null })
    const program = `
      import { writeFileSync } from 'node:fs'
      writeFileSync(${JSON.stringify(join(dir, 'llem.db.lock'))}, ${JSON.stringify(content)})
      process.exit(1)`
    const { client } = await connect(dir, program)
    expect(await client.get('/runs')).toEqual({ other: true })
    other.close()
  })
})

test('an embedded server ends when its agent is killed', async () => {
  const dir = await temporary()
  const path = join(dir, 'server.mjs')
  await writeFile(path, PROGRAM)
  const agent = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      `
      const { startServer } = await import(${JSON.stringify(join(import.meta.dirname, '../../agent/server-child.ts'))})
      const child = await startServer([process.execPath, ${JSON.stringify(path)}, '--db', ${JSON.stringify(join(dir, 'llem.db'))}], 't')
      console.log(child.pid)
      setInterval(() => {}, 1000)
    `,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = (await once(agent.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  expect(isAlive(processIdentity(pid))).toBe(true)
  agent.kill('SIGKILL')
  await gone(pid)
})

describe('with an address', () => {
  const connectTo = (server: string, say: (text: string) => void = () => undefined) =>
    connectServer({ server, db: 'unused.db', token: 'mine', say })

  test('a server that is away is no hindrance: it is said and recording begins', async () => {
    const said: string[] = []
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await new Promise((resolve) => server.close(resolve))
    const { client } = await connectTo(url, (text) => said.push(text))
    expect(client.url).toBe(url)
    expect(said).toEqual([
      `The server ${url} can't be reached (ECONNREFUSED). What is recorded is kept, and sent when the server answers.`,
    ])
  })
  test.each(['localhost:8642', 'ftp://x', 'x'])('%s is no address', async (server) => {
    const error = await connectTo(server).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ServerError)
    expect((error as Error).message).toBe(
      `--server is "${server}"; it must be an address such as http://host:8642`,
    )
  })
  test('a wrong token or another program is said before anything is measured', async () => {
    const server = createServer((_, response) =>
      response
        .writeHead(401, {
          [WIRE_HEADER]: WIRE_VERSION,
        })
        .end('{"title":"no","status":401,"code":"token","detail":"The token is not known."}'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await expect(connectTo(url)).rejects.toThrow('The token is not known.')
    server.closeAllConnections()
    server.close()
  })
})
