/**
 * Timestamps of ATOF: RFC 3339 text to and from microseconds since the Unix epoch, in integer arithmetic.
 *
 * @since 0.1.0
 */

/**
 * The canonical form: RFC 3339 with six fractional digits and `+00:00`. A number for which that form cannot be exact
 * (beyond 2^53 µs, years 1684 to 2255) stays an integer, which the format allows. A fraction of a microsecond is
 * dropped; a number that is not finite becomes the epoch.
 */
export const formatTimestamp = (micros: number): string | number => {
  if (!Number.isFinite(micros)) return formatTimestamp(0)
  const whole = Math.floor(micros)
  if (!Number.isSafeInteger(whole)) return whole
  const seconds = Math.floor(whole / 1_000_000)
  const days = Math.floor(seconds / 86_400)
  const time = seconds - days * 86_400
  const [year, month, day] = civilFromDays(days)
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(Math.floor(time / 3600), 2)}:` +
    `${pad(Math.floor(time / 60) % 60, 2)}:${pad(time % 60, 2)}.${pad(whole - seconds * 1_000_000, 6)}+00:00`
}

/**
 * Microseconds of RFC 3339 text with at most nine fractional digits and any offset, or of an integer that already
 * counts them. `undefined` for everything else.
 */
export const parseTimestamp = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined
  const match = typeof value === "string" ? rfc3339.exec(value) : null
  if (match === null) return undefined
  const part = (index: number): number => Number(match[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  const offsetHour = part(9)
  const offsetMinute = part(10)
  const isValid = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) && hour <= 23 &&
    minute <= 59 && second <= 60 && offsetHour <= 23 && offsetMinute <= 59
  if (!isValid) return undefined
  const offset = (offsetHour * 60 + offsetMinute) * (match[8] === "-" ? -60 : 60)
  const seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
  return seconds * 1_000_000 + Number((match[7] ?? "").slice(0, 6).padEnd(6, "0"))
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

const pad = (value: number, width: number): string => String(value).padStart(width, "0")

const daysInMonth = (year: number, month: number): number =>
  month === 2 ? (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28) : 30 + ((month + (month >> 3)) & 1)

/* Days since 1970-01-01 in the proleptic Gregorian calendar, by 400-year eras that begin in March
   (Howard Hinnant, "chrono-compatible low-level date algorithms"). */

const daysFromCivil = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

const civilFromDays = (days: number): readonly [year: number, month: number, day: number] => {
  const z = days + 719_468
  const era = Math.floor(z / 146_097)
  const dayOfEra = z - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shifted = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1]
}
