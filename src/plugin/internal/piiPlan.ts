import {
  type CountryCode,
  isSupportedCountry,
  Metadata,
  parsePhoneNumberFromString,
  type PhoneNumber
} from "libphonenumber-js/max"

/** Whether a region is one of those whose numbers are known: ISO 3166-1, two capital letters. */
export const isRegion = (region: string): region is CountryCode => isSupportedCountry(region)

/** What the numbers of a region look like. */
export interface Plan {
  readonly region: CountryCode
  /** Numbers of digits, without the trunk prefix. */
  readonly lengths: ReadonlySet<number>
  /** Whether numbers have so many lengths that only the trunk prefix `0` tells them from others. */
  readonly isOpen: boolean
  /** Whether it is one of the North American Numbering Plan. */
  readonly isNorthAmerican: boolean
}

export const planOf = (region: CountryCode): Plan => {
  const metadata = new Metadata()
  metadata.selectNumberingPlan(region)
  const lengths = metadata.numberingPlan?.possibleLengths() ?? []
  return {
    region,
    lengths: new Set(lengths),
    isOpen: lengths.length > 3,
    isNorthAmerican: parsePhoneNumberFromString("2125550100", region)?.countryCallingCode === "1"
  }
}

/** Whether digits in such groups may be a number of a plan: a cheap answer, before the library is asked. */
export const mayBeOf = (plan: Plan, groups: ReadonlyArray<string>, isExpected: boolean): boolean => {
  const digits = groups.join("")
  if (digits.startsWith("00")) return false
  if (plan.isNorthAmerican) {
    return isExpected ? /^1?[2-9]\d{9}$/.test(digits) : /^(?:1 )?[2-9]\d\d [2-9]\d\d \d{4}$/.test(groups.join(" "))
  }
  const count = digits.length
  if (digits.startsWith("0")) {
    return (plan.lengths.has(count - 1) || plan.lengths.has(count)) && (isExpected || groups[0]!.length > 1)
  }
  return (plan.lengths.has(count) || (digits.startsWith("8") && plan.lengths.has(count - 1))) &&
    (!plan.isOpen || isExpected)
}

/**
 * Asks the library whether texts are numbers. An answer takes a tenth of a millisecond, so there are no more than a text
 * of such a length has by rights; after that, everything that looks like a number is taken for one.
 */
export class Asker {
  private left: number

  constructor(length: number) {
    this.left = 256 + Math.floor(length / 100)
  }

  isNumber(text: string, region: CountryCode | undefined, accept: (number: PhoneNumber) => boolean): boolean {
    if (this.left <= 0) return true
    this.left--
    const number = parsePhoneNumberFromString(text, region)
    return number?.isValid() === true && accept(number)
  }
}
