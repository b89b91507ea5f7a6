import { z } from 'zod'

/** Names of environment variables, never the secrets themselves: a configuration is stored with the run. */
const envName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    'must be the name of an environment variable, as in BMC_PASSWORD',
  )
const envOrNone = envName.nullable().default(null)

const ADDRESS =
  /^https?:\/\/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(\/[^\s?#]*)?(\?[^\s#]*)?$/
const SECRET = /[?&][^=&]*(pass|token|secret|auth|api_?key)[^=&]*=/i

/** A meter's address: what it needs to let us in comes from the environment. */
const urlSchema = z.string().superRefine((text, ctx) => {
  const issue = (message: string) => ctx.addIssue({ code: 'custom', message })
  if (/^https?:\/\/[^/]*@/.test(text))
    issue(
      'holds a password; put it into environment variables and name them in user_env and password_env',
    )
  else if (!ADDRESS.test(text)) issue('must be an http or https address such as https://10.0.0.7')
  else if (SECRET.test(text))
    issue(
      'holds a secret in its query; name environment variables in user_env and password_env, or token_env',
    )
})

const common = {
  interval_ms: z
    .int()
    .min(200)
    .max(60_000)
    .refine((ms) => ms < 1000 || ms % 1000 === 0, 'must be whole seconds from a second on, as 2000')
    .default(1000)
    .describe('how often it is asked; whole seconds from a second on'),
  timeout_ms: z.int().min(100).max(30_000).default(5000).describe('how long one answer may take'),
  refresh_ms: z
    .int()
    .min(1)
    .max(600_000)
    .nullable()
    .default(null)
    .describe('how old its readings may be; null: what is usual of its kind'),
  error_pct: z
    .number()
    .positive()
    .max(100)
    .nullable()
    .default(null)
    .describe('error bound that its maker states, %; null: what is usual of its kind'),
  supply: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, 'is a short name of A-Z a-z 0-9 _ -, such as psu1')
    .nullable()
    .default(null)
    .describe(
      'the power supply behind it, where several feed the node and are added; null: the whole node',
    ),
}
const login = { user_env: envOrNone, password_env: envOrNone }

const redfishSchema = z.strictObject({
  source: z.literal('redfish').describe("a server's management controller, over HTTPS"),
  url: urlSchema,
  ...login,
  chassis: z
    .string()
    .nullable()
    .default(null)
    .describe('Id of the chassis to read; null: the only one that tells its power'),
  self_signed: z.boolean().default(false).describe('accept a certificate that nobody vouches for'),
  ...common,
})

const ipmiSchema = z.strictObject({
  source: z.literal('ipmi').describe('DCMI power reading by ipmitool'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.:_-]*$/, 'must be a host name or address')
    .nullable()
    .default(null)
    .describe("management controller to ask over the network; null: this machine's own"),
  ...login,
  sudo: z.boolean().default(false).describe('call it by sudo -n, for a rule in sudoers'),
  ...common,
})

const plugSchema = z.strictObject({
  source: z.literal('plug').describe('a smart plug, or anything that tells power as JSON'),
  url: urlSchema,
  kind: z.enum(['shelly', 'tasmota', 'json']),
  channel: z.int().min(0).max(15).default(0).describe('which outlet, from 0'),
  path: z
    .string()
    .regex(/^[^.[\]]+(\.[^.[\]]+|\[\d+\])*$/, 'must be a path such as data.meters[0].power')
    .nullable()
    .default(null)
    .describe('kind json: where the number is, e.g. data.meters[0].power'),
  unit: z.enum(['mW', 'W', 'kW']).default('W').describe('kind json: what it counts in'),
  ...login,
  token_env: envOrNone.describe('sent as Authorization: Bearer'),
  self_signed: z.boolean().default(false).describe('accept a certificate that nobody vouches for'),
  ...common,
})

export const METER_SOURCES = ['redfish', 'ipmi', 'plug'] as const

/** One meter of the whole node, or of one of its power supplies. */
export const meterSchema = z
  .discriminatedUnion('source', [redfishSchema, ipmiSchema, plugSchema])
  .superRefine((meter, ctx) => {
    const issue = (path: string, message: string) =>
      ctx.addIssue({ code: 'custom', path: [path], message })
    if ((meter.user_env === null) !== (meter.password_env === null))
      issue(
        meter.user_env === null ? 'user_env' : 'password_env',
        'is missing; user_env and password_env go together',
      )
    if (meter.source === 'ipmi' && meter.sudo && meter.host !== null)
      issue('sudo', "is for this machine's own controller; another host needs none, so drop it")
    if (meter.source !== 'plug') return
    if (meter.kind === 'json' && meter.path === null)
      issue('path', 'is missing; kind: json needs the path of its number, e.g. data.power')
    if (meter.kind !== 'json' && meter.path !== null)
      issue('path', `is for kind: json; kind: ${meter.kind} knows where its power is`)
    if (meter.kind !== 'json' && meter.url.includes('?'))
      issue(
        'url',
        `is ${meter.url}; kind: ${meter.kind} adds its own query, write the address alone`,
      )
    if (meter.user_env !== null && meter.token_env !== null)
      issue('token_env', 'and user_env are two ways to log in; write one of them')
  })
export type Meter = z.infer<typeof meterSchema>
export type MeterOf<S extends Meter['source']> = Extract<Meter, { source: S }>

/** The meters of a node. Two that would measure the same are one too many: their readings can't be told apart. */
export const metersSchema = z.array(meterSchema).superRefine((meters, ctx) => {
  const seen = new Set<string>()
  for (const [i, { source, supply }] of meters.entries()) {
    const what = `${source} ${supply ?? ''}`
    if (seen.has(what))
      ctx.addIssue({
        code: 'custom',
        path: [i, 'supply'],
        message:
          supply === null
            ? `is missing; a second ${source} needs it: give each of them the name of the power supply that it feeds`
            : `is ${supply} twice; each meter of ${source} needs a power supply of its own`,
      })
    seen.add(what)
  }
})
