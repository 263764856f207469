import { type CountryCode, parsePhoneNumberFromString, type PhoneNumber } from "libphonenumber-js/max"
import { beginsNumber, endsNumber, isAbout } from "./piiNumbers.ts"
import { Asker, mayBeOf, type Plan, planOf } from "./piiPlan.ts"
import { type Find, type Span, spansOf } from "./piiText.ts"

/**
 * Telephone numbers that exist in some numbering plan, as `libphonenumber` knows them: with `+` or `00` and a country, or
 * as they are written within the given regions, in their usual groups. A run of digits alone is one only where the words
 * before it, or the key that holds it, say so.
 */
export const findPhones = (regions: ReadonlyArray<CountryCode>): Find => {
  const plans = regions.map(planOf)
  return (text, place) => {
    if (place.key !== undefined && phoneKey.test(place.key)) {
      const whole = wholePhone(text, regions)
      if (whole !== undefined) return [whole]
    }
    const asker = new Asker(text.length)
    return [
      ...phonesOf(
        /(?:\+|%2B|\b00)[ \u00a0]?\(?[1-9][\d \u00a0\u202f().\-/–]{5,22}\d/gi,
        text,
        beginsInternational,
        (part) => isInternational(part, asker)
      ),
      ...phonesOf(
        /\(?\d[\d \u00a0\u202f().\-/–]{5,18}\d/g,
        text,
        beginsNational,
        (part, start) => isNational(part, plans, asker, () => isAbout(phoneWord, text, start, place))
      )
    ]
  }
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

/** No number has more than fifteen digits (ITU-T E.164). */
const isInternational = (text: string, asker: Asker): boolean => {
  const rest = text.replace(/^(?:\+|%2B|00)/i, "")
  const count = rest.replaceAll(/\D/g, "").length
  return count >= 7 && count <= 15 && asker.isNumber(`+${rest}`, undefined, () => true)
}

const beginsNational = (text: string, start: number): boolean =>
  beginsNumber(text, start) && !/[+$€£#]/.test(text.charAt(start - 1))

/**
 * Numbers among the runs of digits and separators. What follows a number may read on as part of it, so the longest that is
 * one is meant; and what stands before it may, so the next try is from the second group.
 */
const phonesOf = (
  pattern: RegExp,
  text: string,
  begins: (text: string, start: number, run: string) => boolean,
  isPhone: (part: string, start: number) => boolean
): ReadonlyArray<Span> => {
  const out: Array<Span> = []
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const { 0: run, index: start } = match
    const ends = [...spansOf(/\d+\)?/g, run)].map(({ end }) => start + end)
    const end = begins(text, start, run)
      ? ends.toReversed()
        .find((end) => end - start >= 7 && endsNumber(text, end) && isPhone(text.slice(start, end), start))
      : undefined
    if (end !== undefined) out.push({ start, end })
    pattern.lastIndex = end ?? ends[0] ?? start + 1
  }
  return out
}

const dateLike = /^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})(?:$|\D)/
const thousandsLike = /^\d{1,3}(?:([ \u00a0\u202f.])\d{3})(?:\1\d{3})*$/

const isNational = (
  part: string,
  plans: ReadonlyArray<Plan>,
  asker: Asker,
  isAnnounced: () => boolean
): boolean => {
  const groups = groupsOf(part)
  const possible = plans.filter((plan) => mayBeOf(plan, groups, true))
  if (possible.length === 0 || dateLike.test(part) || !isBalanced(part)) return false
  const isExpected = isAnnounced()
  if (!isExpected && (groups.length < 2 || groups.length > 6 || thousandsLike.test(part))) return false
  return possible.some((plan) =>
    mayBeOf(plan, groups, isExpected) &&
    asker.isNumber(part, plan.region, (number) => isExpected || hasUsualGroups(groups, number))
  )
}

const isBalanced = (text: string): boolean => text.split("(").length === text.split(")").length

const groupsOf = (text: string): ReadonlyArray<string> => text.match(/\d+/g) ?? []

/** Grouped as its region prints it; or, since many regions are not strict, behind the trunk prefix `0`. */
const hasUsualGroups = (groups: ReadonlyArray<string>, number: PhoneNumber): boolean => {
  const usual = groupsOf(number.formatNational())
  const own = number.countryCallingCode === "1" && groups[0] === "1" ? groups.slice(1) : groups
  if (own.join(" ") === usual.join(" ")) return true
  return own[0]!.startsWith("0") && own[0]!.length >= 3 && own.slice(1).every((group) => group.length >= 2)
}
