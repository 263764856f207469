import {
  type CountryCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
  type PhoneNumber
} from "libphonenumber-js/max"
import { beginsNumber, endsNumber, isAbout } from "./piiNumbers.ts"
import { type Find, type Place, type Span, spansOf } from "./piiText.ts"

/** Whether a region is one of those whose numbers are known: ISO 3166-1, two capital letters. */
export const isRegion = (region: string): region is CountryCode => isSupportedCountry(region)

/**
 * Telephone numbers that exist in some numbering plan, as `libphonenumber` knows them: with `+` or `00` and a country, or
 * as they are written within the given regions, in their usual groups. A run of digits alone is one only where the words
 * before it, or the key that holds it, say so.
 */
export const findPhones = (regions: ReadonlyArray<CountryCode>): Find => (text, place) => {
  if (place.key !== undefined && phoneKey.test(place.key)) {
    const whole = wholePhone(text, regions)
    if (whole !== undefined) return [whole]
  }
  return [
    ...phonesOf(
      /(?:\+|%2B|\b00)[ \u00a0]?\(?\d[\d \u00a0\u202f().\-/–]{5,22}\d/gi,
      text,
      (part, start) => beginsInternational(text, start, part) && internationalOf(part)?.isValid() === true
    ),
    ...phonesOf(
      /\(?\d[\d \u00a0\u202f().\-/–]{5,18}\d/g,
      text,
      (part, start) => beginsNational(text, start) && isNational(part, regions, text, start, place)
    )
  ]
}

const phoneKey =
  /(?:^|[_-]|[a-z])(?:phone|tel|telephone|mobile|cell|fax|whatsapp|msisdn)(?:[_-]?(?:number|no|nr|e164))?s?$/i

const phoneWord =
  /(?:\btel|phone|mobile|mobil|\bcell|\bfax|whatsapp|handy|telef[oó]no?|telefon|t[ée]l[ée]phone|m[óo]vil|portable|celular|电话|手机|電話|тел)s?(?!\p{L})[\s.:°#(-]*(?:(?:number|no|nr|num[ée]ro|n[úu]mero|is|ist|est|es)[\s.:]*){0,2}["'\\=:\s]*$/iu

const wholePhone = (text: string, regions: ReadonlyArray<CountryCode>): Span | undefined => {
  const trimmed = text.trim()
  if (trimmed.length > 40 || !/^[+(]?\d[\d \u00a0\u202f().\-/–]*(?: ?(?:x|ext\.?) ?\d{1,6})?$/i.test(trimmed)) {
    return undefined
  }
  const count = trimmed.replaceAll(/\D/g, "").length
  const isPhone = regions.some((region) => parsePhoneNumberFromString(trimmed, region)?.isPossible() === true) ||
    (count >= 9 && count <= 15)
  return isPhone ? { start: text.indexOf(trimmed), end: text.indexOf(trimmed) + trimmed.length } : undefined
}

const beginsInternational = (text: string, start: number, run: string): boolean => {
  if (run.startsWith("+")) return !/[\p{L}\p{N}+)\]]/u.test(text.charAt(start - 1)) || beginsAfterEscape(text, start)
  if (run.startsWith("%")) return true
  return beginsNumber(text, start) && (/[ \u00a0().\-/]/.test(run) || isAbout(phoneWord, text, start, {}))
}

const beginsAfterEscape = (text: string, start: number): boolean =>
  /\\[nrtbfv]$/.test(text.slice(Math.max(0, start - 2), start))

const internationalOf = (text: string): PhoneNumber | undefined =>
  parsePhoneNumberFromString(text.replace(/^(?:%2B|00)/i, "+"))

const beginsNational = (text: string, start: number): boolean =>
  beginsNumber(text, start) && !/[+$€£#]/.test(text.charAt(start - 1))

/**
 * Numbers among the runs of digits and separators. What follows a number may read on as part of it, so the longest that is
 * one is meant; and what stands before it may, so the next try is from the second group.
 */
const phonesOf = (
  pattern: RegExp,
  text: string,
  isPhone: (part: string, start: number) => boolean
): ReadonlyArray<Span> => {
  const out: Array<Span> = []
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const { 0: run, index: start } = match
    const ends = [...spansOf(/\d+\)?/g, run)].map(({ end }) => start + end)
    const end = ends.toReversed()
      .find((end) => end - start >= 7 && endsNumber(text, end) && isPhone(text.slice(start, end), start))
    if (end !== undefined) out.push({ start, end })
    pattern.lastIndex = end ?? ends[0] ?? start + 1
  }
  return out
}

const dateLike = /^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})(?:$|\D)/
const thousandsLike = /^\d{1,3}(?:([ \u00a0\u202f.])\d{3})(?:\1\d{3})*$/

const isNational = (
  part: string,
  regions: ReadonlyArray<CountryCode>,
  text: string,
  start: number,
  place: Place
): boolean => {
  const groups = groupsOf(part)
  const count = groups.reduce((sum, group) => sum + group.length, 0)
  if (count < 7 || count > 13 || dateLike.test(part) || (part.match(/[()]/g)?.length ?? 0) % 2 !== 0) return false
  const isExpected = isAbout(phoneWord, text, start, place)
  if (!isExpected && (groups.length < 2 || groups.length > 6 || thousandsLike.test(part))) return false
  return regions.some((region) => {
    const number = parsePhoneNumberFromString(part, region)
    return number?.isValid() === true && number.country === region && (isExpected || hasUsualGroups(groups, number))
  })
}

const groupsOf = (text: string): ReadonlyArray<string> => text.match(/\d+/g) ?? []

/** Grouped as its region prints it; or, since many regions are not strict, behind the trunk prefix `0`. */
const hasUsualGroups = (groups: ReadonlyArray<string>, number: PhoneNumber): boolean => {
  const usual = groupsOf(number.formatNational())
  const own = number.countryCallingCode === "1" && groups[0] === "1" ? groups.slice(1) : groups
  if (own.join(" ") === usual.join(" ")) return true
  return own[0]!.startsWith("0") && own[0]!.length >= 3 && own.slice(1).every((group) => group.length >= 2)
}
