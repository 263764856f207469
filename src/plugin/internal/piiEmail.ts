import validator from "validator"
import { type Find, isEscapeLetter, type Span } from "./piiText.ts"

/**
 * Addresses by the syntax of e-mail, as `validator` checks it, with names and domains of any script; `@` may be written
 * `%40`, as in the query of a URL. Not addresses: handles (`@user@host`), the remotes of Git (`git@host:path`), versions
 * of packages (`name@1.2.3`), file names (`icon@2x.png`) and credentials in URLs, which are found as such.
 */
export const findEmails: Find = (text) => {
  const out: Array<Span> = []
  for (const match of text.matchAll(/@|%40/g)) {
    const at = match.index
    const domainAt = at + match[0].length
    const start = localStart(text, at)
    if (start === at || isOther(text, start, at)) continue
    const end = domainEnd(text, domainAt)
    const local = text.slice(start, at)
    const to = validEnd(local, text, domainAt, end)
    if (to === undefined || (local === "git" && text[to] === ":")) continue
    out.push({ start, end: to })
  }
  return out
}

const maxLocal = 64
const maxDomain = 253

const localPart = /[\w.%+'\u00c0-\u024f-]/
const localPartOfAnyScript = /[\p{L}\p{N}\p{M}_.%+'-]/u
const domainPart = /[A-Za-z0-9.\u00c0-\u024f-]/
const domainPartOfAnyScript = /[\p{L}\p{N}\p{M}.-]/u

/** Text in a script without spaces runs into an address: who begins in Latin ends with it. */
const localStart = (text: string, at: number): number => {
  const part = at > 0 && localPart.test(text.charAt(at - 1)) ? localPart : localPartOfAnyScript
  let start = at
  while (start > 0 && at - start < maxLocal && part.test(text.charAt(start - 1))) start--
  if (start > 0 && isEscapeLetter(text, start)) start++
  while (start < at && /[.'%-]/.test(text.charAt(start))) start++
  return start
}

const domainEnd = (text: string, from: number): number => {
  const part = domainPart.test(text.charAt(from)) ? domainPart : domainPartOfAnyScript
  let end = from
  while (end < text.length && end - from < maxDomain && part.test(text.charAt(end))) end++
  return end
}

const isOther = (text: string, start: number, at: number): boolean => {
  const before = text.charAt(start - 1)
  if (before === "@") return true
  if (before === "/" && text.charAt(start - 2) === "/") return true
  return before === ":" && /:\/\/[^\s/@]*$/.test(text.slice(Math.max(0, start - 120), at))
}

/** Suffixes of files that are no top-level domains. */
const fileSuffix =
  /\.(?:png|jpe?g|gif|svg|webp|ico|css|scss|less|jsx?|mjs|cjs|tsx?|json|html?|xml|ya?ml|toml|txt|csv|pdf|exe|dll|log|lock|woff2?)$/i

const validEnd = (local: string, text: string, from: number, to: number): number | undefined => {
  let end = to
  for (let tries = 0; tries < 5 && end > from; tries++) {
    while (end > from && /[.-]/.test(text.charAt(end - 1))) end--
    const domain = text.slice(from, end)
    if (domain.includes(".") && !fileSuffix.test(domain) && validator.isEmail(`${plain(local)}@${domain}`)) return end
    const cut = Math.max(domain.lastIndexOf("."), domain.lastIndexOf("-"))
    if (cut <= 0) return undefined
    end = from + cut
  }
  return undefined
}

/** Escapes of URLs read as a letter: only the syntax is asked for. */
const plain = (local: string): string => local.replaceAll(/%[0-9A-Fa-f]{2}/g, "x")
