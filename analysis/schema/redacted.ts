import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** `redacted:` and 16 hexadecimal digits: 4 of the site whose secret was used, 12 of the value. */
const FORM = 'redacted:[0-9a-f]{16}'
const WHOLE = new RegExp(`^${FORM}$`)
const WITHIN = new RegExp(`(${FORM})`)
/** Digits that are the same for all values of one site. */
const SITE_DIGITS = 4

/** What stands for a value that is not stored. */
export type Hide = (value: string) => string

export const isRedacted = (text: string): boolean => WHOLE.test(text)

/** The text cut into what is not redacted (even places) and what stands for redacted values (odd places). */
export const cutAtRedacted = (text: string): string[] => text.split(WITHIN)

/**
 * Stands for values by HMAC-SHA256 under the secret of a site: the same value gives the same text, different values
 * different texts, and without the secret nobody can try out what the value may have been.
 * @param secret called when the first value is redacted: a site that redacts nothing needs no secret
 */
export function siteHide(secret: () => string): Hide {
  let key: Uint8Array | null = null
  let site = ''
  return (value) => {
    if (key === null) {
      key = utf8ToBytes(secret())
      site = digits(key, 'site').slice(0, SITE_DIGITS)
    }
    return `redacted:${site}${digits(key, `value ${value}`).slice(0, 16 - SITE_DIGITS)}`
  }
}

const digits = (key: Uint8Array, message: string) =>
  bytesToHex(hmac(sha256, key, utf8ToBytes(message)))

/**
 * Whether two texts are the same as far as that can be determined: apart from values that two sites redacted, each
 * under its own secret.
 */
export function sameButForSite(a: string, b: string): boolean {
  if (a === b) return true
  const [left, right] = [cutAtRedacted(a), cutAtRedacted(b)]
  return (
    left.length === right.length &&
    left.every((part, i) => part === right[i] || (i % 2 === 1 && siteOf(part) !== siteOf(right[i])))
  )
}

const siteOf = (redacted = ''): string => redacted.slice('redacted:'.length).slice(0, SITE_DIGITS)
