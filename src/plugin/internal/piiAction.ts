import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"

/** What stands for a finding. `undefined` is nothing: it is cut out. */
export type Render = (found: string, detector: string) => string | undefined

export const remove: Render = () => undefined

export const replaceWith = (replacement: string | undefined): Render => (_found, detector) =>
  replacement ?? `[REDACTED:${detector}]`

/** One asterisk for each UTF-16 unit, so that lengths and positions stay. */
export const mask: Render = (found) => "*".repeat(found.length)

/**
 * The first 80 bits of HMAC-SHA-256 (RFC 2104) over the text as found, hexadecimal: the same value gives the same name
 * wherever the key is the same, and nobody without the key can try values out.
 */
export const hashWith = (key: string): Render => {
  const secret = utf8ToBytes(key)
  return (found, detector) => `[${detector}:${bytesToHex(hmac(sha256, secret, utf8ToBytes(found))).slice(0, 20)}]`
}

/** As much as tells values of a kind apart, never so much that the rest can be guessed. */
export const partial: Render = (found, detector) => {
  switch (detector) {
    case "email": {
      const at = found.search(/@|%40/)
      return `${firstOf(found)}***${found.slice(at)}`
    }
    case "card":
    case "phone":
      return lastDigits(found, 4)
    case "iban":
      return `${found.slice(0, 2)}${"*".repeat(found.length - 6)}${found.slice(-4)}`
    case "ip":
      return found.includes(":")
        ? `${found.split(":").slice(0, 3).filter((group) => group !== "").join(":")}:*`
        : `${found.split(".").slice(0, 3).join(".")}.*`
    case "token":
    case "jwt":
    case "authorization":
      return found.length < 20 ? "****" : `${found.slice(0, 4)}****${found.slice(-4)}`
    default:
      return "****"
  }
}

const firstOf = (text: string): string => String.fromCodePoint(text.codePointAt(0) ?? 42)

/** The last digits stay where at least as many are hidden; separators stay. */
const lastDigits = (found: string, count: number): string => {
  const total = found.replaceAll(/\D/g, "").length
  let hidden = Math.max(total - count, Math.ceil(total / 2))
  return found.replaceAll(/\d/g, (digit) => hidden-- > 0 ? "*" : digit)
}
