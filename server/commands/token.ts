import { CommandError } from '../command-error.ts'
import { writeAudit } from '../store/audit.ts'
import { createToken, listTokens, revokeToken } from '../store/tokens.ts'
import { columns } from './runs.ts'
import { isoNow, printLine, withStore } from './with-store.ts'

interface Options {
  readonly db: string
  readonly json: boolean
}

/** Makes a token and prints it, once: only its hash is kept. */
export async function tokenCreate(name: string, options: Options): Promise<void> {
  await withStore(options.db, { create: true }, async ({ db }) => {
    const now = isoNow()
    const token = await createToken(db, name, now)
    if (token === null)
      throw new CommandError(
        2,
        `There is a token ${JSON.stringify(name)} already. Give another name.`,
      )
    await writeAudit(db, {
      actor: 'local',
      now,
      action: 'create_token',
      run_id: null,
      detail: { name },
    })
    if (options.json) return printLine(JSON.stringify({ name, token }))
    process.stderr.write('Keep it now: it is not shown again. Agents take it from LLEM_TOKEN.\n')
    printLine(token)
  })
}

export async function tokenList(options: Options): Promise<void> {
  await withStore(options.db, { create: false }, async ({ db }) => {
    const tokens = (await listTokens(db)).map(({ sha256: _, ...rest }) => rest)
    if (options.json) return printLine(JSON.stringify({ tokens }))
    if (tokens.length === 0) return printLine('No tokens.')
    const rows = tokens.map((t) => [
      t.name,
      t.created_at,
      t.last_used_at ?? 'never',
      t.revoked_at ?? '',
    ])
    for (const line of columns([['NAME', 'CREATED', 'LAST USED', 'REVOKED'], ...rows]))
      printLine(line)
  })
}

export async function tokenRevoke(name: string, options: Options): Promise<void> {
  await withStore(options.db, { create: false }, async ({ db }) => {
    const now = isoNow()
    const result = await revokeToken(db, name, now)
    if (result === 'unknown')
      throw new CommandError(
        2,
        `There is no token ${JSON.stringify(name)}. llem-server token list names them.`,
      )
    if (result === 'revoked')
      await writeAudit(db, {
        actor: 'local',
        now,
        action: 'revoke_token',
        run_id: null,
        detail: { name },
      })
    const again = result === 'revoked_before'
    printLine(
      options.json
        ? JSON.stringify({ name, result })
        : `${name} ${again ? 'was revoked before' : 'is revoked'}.`,
    )
  })
}
