/** The parts of an OpenAPI 3.1 document that the page shows. Everything may be absent: the page shows what is there. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly example?: unknown
  readonly examples?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

export type Content = Readonly<
  Record<string, { readonly schema?: Schema; readonly example?: unknown }>
>

export interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: Schema
}

export interface Answer {
  readonly description?: string
  readonly content?: Content
  readonly headers?: Readonly<
    Record<string, { readonly description?: string; readonly schema?: Schema }>
  >
}

export interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly description?: string
    readonly required?: boolean
    readonly content?: Content
  }
  readonly responses?: Readonly<Record<string, Answer>>
  readonly security?: readonly unknown[]
}

export interface OpenApi {
  readonly info?: {
    readonly title?: string
    readonly version?: string
    readonly description?: string
  }
  readonly servers?: readonly { readonly url: string }[]
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> }
  readonly security?: readonly unknown[]
}

export interface Route {
  readonly method: string
  readonly path: string
  readonly operation: Operation
  /** The fragment that leads to it. */
  readonly anchor: string
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace'] as const

/** Every operation in the document's order; parameters of the path belong to each of its operations. */
export function routesOf(document: OpenApi): Route[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) => {
    const shared = (item['parameters'] as Parameter[] | undefined) ?? []
    return METHODS.flatMap((method): Route[] => {
      const operation = item[method] as Operation | undefined
      if (operation === undefined) return []
      const parameters = [...shared, ...(operation.parameters ?? [])]
      return [
        {
          method,
          path,
          operation: { ...operation, parameters },
          anchor: anchorOf(`${method} ${path}`),
        },
      ]
    })
  })
}

/** A fragment of letters, digits and dashes. */
export const anchorOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

export const schemaAnchor = (name: string): string => `schema-${anchorOf(name)}`

/** The name within `#/components/schemas/NAME`. */
export const refName = (ref: string): string => decodeURIComponent(ref.split('/').at(-1) ?? ref)
