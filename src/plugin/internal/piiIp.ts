import validator from "validator"
import { beginsWord, endsWord, type Find, type Span, spansOf } from "./piiText.ts"

/**
 * Addresses of version 4 and 6 that name a host or a network. Loopback, unspecified addresses, broadcast and masks name
 * nobody; versions, numbers of sections, times and hardware addresses only look like addresses.
 */
export const findIps: Find = (text) => {
  const out: Array<Span> = []
  for (const span of spansOf(/(?:\d{1,3}\.){3}\d{1,3}/g, text)) {
    if (isVersion4(text, span)) out.push({ start: span.start, end: span.end })
  }
  if (text.includes(":")) {
    for (const { start, text: run } of spansOf(/[0-9A-Fa-f:]{2,39}(?:(?:\.\d{1,3}){3})?/g, text)) {
      const end = start + run.length
      const to = run.endsWith(":") && !run.endsWith("::") ? end - 1 : end
      if (isVersion6(text, start, to)) out.push({ start, end: to })
    }
  }
  return out
}

const nobody4 = /^(?:0|127|255)\./

const versionWord =
  /(?:\bv|version|\bver|release|build|firmware|driver|section|chapter|clause|kapitel|abschnitt|§)[\s.:="'#]{0,3}$/i

const isVersion4 = (text: string, { end, start, text: found }: Span & { readonly text: string }): boolean => {
  if (!beginsWord(text, start) || /[.\-_]/.test(text.charAt(start - 1))) return false
  if (!endsWord(text, end) || /^(?:\.\d|[-_+][\p{L}])/u.test(text.slice(end, end + 2))) return false
  if (!validator.isIP(found, 4) || nobody4.test(found)) return false
  const before = text.slice(Math.max(0, start - 16), start)
  // `Product/1.2.3.4` in a user agent, and `1.2.3.4` after a word for versions.
  return !versionWord.test(before) && !/[A-Za-z]\/$/.test(before) && !/(?:[=~<>^!]=|[~^])\s?$/.test(before)
}

/** Global unicast, unique local, link-local and multicast, and the two forms that hold an address of version 4. */
const block6 = /^(?:[23][0-9a-f]{3}:|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:|::ffff:\d|64:ff9b::)/i

const isVersion6 = (text: string, start: number, end: number): boolean => {
  if (!beginsWord(text, start) || /[:.\-_]/.test(text.charAt(start - 1))) return false
  if (!endsWord(text, end) || /^[:_]/.test(text.slice(end))) return false
  const found = text.slice(start, end)
  return (found.includes("::") ? block6.test(found) : /[0-9]/.test(found)) && validator.isIP(found, 6)
}
