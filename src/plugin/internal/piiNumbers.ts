import validator from "validator"
import { beginsWord, endsWord, type Find, type Place, type Span, spansOf } from "./piiText.ts"

/** Issuers by the leading digits and lengths of ISO/IEC 7812 numbers in use; `validator` checks only the digits. */
const issuers: ReadonlyArray<RegExp> = [
  /^4\d{15}$/, // Visa
  /^(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}$/, // Mastercard
  /^3[47]\d{13}$/, // American Express
  /^3(?:0[0-5]|[689]\d)\d{11}$/, // Diners Club
  /^6(?:011|4[4-9]\d|5\d{2})\d{12}$/, // Discover
  /^35(?:2[89]|[3-8]\d)\d{12}$/, // JCB
  /^62\d{14}$/, // UnionPay
  /^220[0-4]\d{12}$/, // Mir
  /^(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12}$/ // Maestro
]

/** Lengths that are rare for an issuer: identifiers of many other kinds look like them. */
const rareIssuers: ReadonlyArray<RegExp> = [
  /^4\d{12}(?:\d{6})?$/,
  /^62\d{15,17}$/,
  /^(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}$/,
  /^6(?:011|4[4-9]\d|5\d{2})\d{13,15}$/
]

const cardWord = /(?:card|\bcc\b|\bpan\b|visa|master|amex|karte|carte|tarjeta|cart[ãa]o|carta)[^\d\]]{0,24}$/i
const cardGrouping = /^(?:4444|44443|465|464|4445|888|45|664)/

/** Numbers of payment cards: issuer, length and Luhn digit; in one run, or in the groups that are printed on cards. */
export const findCards: Find = (text, place) => {
  const out: Array<Span> = []
  for (const { start: offset, text: run } of spansOf(/\d(?:[ -]?\d){11,}/g, text)) {
    const groups = [...spansOf(/\d+/g, run)]
    for (let first = 0; first < groups.length; first++) {
      const start = offset + groups[first]!.start
      if (!beginsNumber(text, start)) continue
      const last = lastOfCard(run, groups, first, () => isAbout(cardWord, text, start, place))
      if (last === undefined) continue
      const end = offset + groups[last]!.end
      if (!endsNumber(text, end)) continue
      out.push({ start, end })
      first = last
    }
  }
  return out
}

/** The last group of a card that begins with a group. */
const lastOfCard = (
  run: string,
  groups: ReadonlyArray<Span & { readonly text: string }>,
  first: number,
  isExpected: () => boolean
): number | undefined => {
  let digits = ""
  let shape = ""
  for (let last = first; last < groups.length && digits.length < 20; last++) {
    const group = groups[last]!.text
    digits += group
    shape += String(group.length)
    if (digits.length < 12) continue
    if (last === first) {
      if (isCard(digits) || (isRareCard(digits) && isExpected())) return last
      continue
    }
    const separators = run.slice(groups[first]!.start, groups[last]!.end).replaceAll(/\d+/g, "")
    if (cardGrouping.test(shape) && /^(?: +|-+)$/.test(separators) && (isCard(digits) || isRareCard(digits))) {
      return last
    }
  }
  return undefined
}

const isCard = (digits: string): boolean =>
  issuers.some((issuer) => issuer.test(digits)) && !/^(\d)\1+$/.test(digits) && validator.isLuhnNumber(digits)

const isRareCard = (digits: string): boolean =>
  rareIssuers.some((issuer) => issuer.test(digits)) && validator.isLuhnNumber(digits)

/** Account numbers by ISO 13616: country, form and check digits; in one run or in groups, in capitals or not. */
export const findIbans: Find = (text) => {
  const out: Array<Span> = []
  const rest = /(?:[ -]?[A-Za-z0-9]){11,30}/y
  for (const { end: head, start } of spansOf(/[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])/g, text)) {
    if (!beginsWord(text, start) || text.charAt(start - 1) === "-") continue
    rest.lastIndex = head
    const run = rest.exec(text)
    if (run === null) continue
    // What follows in the text may read on as part of it: the longest valid beginning is meant.
    for (let end = rest.lastIndex; end - start >= 15; end--) {
      if (!endsWord(text, end) || /[ -]/.test(text.charAt(end - 1)) || !validator.isIBAN(text.slice(start, end))) {
        continue
      }
      out.push({ start, end })
      break
    }
  }
  return out
}

/** Whether a number may begin here: it is no later part of a word, a version, a decimal number or an identifier. */
export const beginsNumber = (text: string, start: number): boolean =>
  beginsWord(text, start) && !/[_.-]/.test(text.charAt(start - 1))

export const endsNumber = (text: string, end: number): boolean =>
  endsWord(text, end) && !/^(?:[.,:]\d|[-_][\p{L}\p{N}])/u.test(text.slice(end, end + 2))

/** Whether the words before a number, or the key that holds it, say what it is. */
export const isAbout = (word: RegExp, text: string, start: number, place: Place): boolean =>
  (place.key !== undefined && word.test(place.key)) || word.test(text.slice(Math.max(0, start - 40), start))
