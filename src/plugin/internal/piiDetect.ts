import type { CountryCode } from "libphonenumber-js/max"
import { findAuthorization, findEntropy, findPasswords, findUserinfo } from "./piiCredentials.ts"
import { findEmails } from "./piiEmail.ts"
import { findIps } from "./piiIp.ts"
import { findCards, findIbans } from "./piiNumbers.ts"
import { findPhones } from "./piiPhone.ts"
import type { Detector, Find, Place, Span } from "./piiText.ts"
import { findJwts, findPems, findTokens } from "./piiTokens.ts"

/** Built-in detectors. Where findings overlap, the first of them here names what was found. */
export const detectorNames = [
  "pem",
  "userinfo",
  "jwt",
  "token",
  "authorization",
  "password",
  "email",
  "iban",
  "card",
  "phone",
  "ip",
  "entropy"
] as const

export type DetectorName = typeof detectorNames[number]

export const makeDetector = (
  name: DetectorName,
  options: { readonly regions: ReadonlyArray<CountryCode>; readonly entropyBits: number }
): Detector => ({ name, find: finders[name](options) })

const finders: {
  readonly [D in DetectorName]: (options: {
    readonly regions: ReadonlyArray<CountryCode>
    readonly entropyBits: number
  }) => Find
} = {
  pem: () => findPems,
  userinfo: () => findUserinfo,
  jwt: () => findJwts,
  token: () => findTokens,
  authorization: () => findAuthorization,
  password: () => findPasswords,
  email: () => findEmails,
  iban: () => findIbans,
  card: () => unlessSafe(findCards),
  phone: ({ regions }) => unlessSafe(findPhones(regions)),
  ip: () => findIps,
  entropy: ({ entropyBits }) => unlessSafe(findEntropy(entropyBits))
}

/** A part of a text, and the detector that names it. */
export interface Finding extends Span {
  readonly detector: string
}

/** What the detectors find, in the order of the text and without overlaps: those that overlap become one. */
export const findAll = (
  detectors: ReadonlyArray<Detector>,
  text: string,
  place: Place
): ReadonlyArray<Finding> => {
  const found: Array<Finding & { readonly rank: number }> = []
  for (const [rank, { find, name }] of detectors.entries()) {
    for (const { end, start } of find(text, place)) {
      if (end > start) found.push({ start, end, detector: name, rank })
    }
  }
  found.sort((a, b) => a.start - b.start || a.rank - b.rank)
  const out: Array<Finding & { readonly rank: number }> = []
  for (const next of found) {
    const last = out.at(-1)
    if (last === undefined || next.start >= last.end) out.push(next)
    else {
      const { detector, rank } = next.rank < last.rank ? next : last
      out[out.length - 1] = { start: last.start, end: Math.max(last.end, next.end), detector, rank }
    }
  }
  return out.map(({ detector, end, start }) => ({ start, end, detector }))
}

/** Identifiers that name no person: UUIDs, hashes and trace ids in hexadecimal, the header of W3C Trace Context, times. */
const safeWord =
  /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])(?:[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|\d{4}-\d\d-\d\d[T_]\d\d.*|sha\d+[-:].*|0x[0-9a-f]{16,})$/i

const wordLetter = /[A-Za-z0-9:_-]/
const maxWord = 140

/** Leaves out what lies within one word that is a safe identifier. */
const unlessSafe = (find: Find): Find => (text, place) => {
  const found = find(text, place)
  return found.length === 0 ? found : found.filter((span) => !isSafe(text, span))
}

const isSafe = (text: string, { end, start }: Span): boolean => {
  let from = start
  let to = end
  while (from > 0 && start - from < maxWord && wordLetter.test(text.charAt(from - 1))) from--
  while (to < text.length && to - end < maxWord && wordLetter.test(text.charAt(to))) to++
  return safeWord.test(text.slice(from, to).replaceAll(/^[:_-]+|[:_-]+$/g, ""))
}
