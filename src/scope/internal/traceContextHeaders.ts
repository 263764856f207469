/**
 * `traceparent` and `tracestate` by W3C Trace Context level 2 (Candidate Recommendation Draft of 28 March 2024), §3.
 */
import { type RemoteScope, type RemoteTrace, type Report, scopeIdForm, trimOws } from "./propagationContext.ts"
import { spanIdForm, traceIdForm } from "./traceContext.ts"

/** Longer than any version is likely to be; the specification lets prohibitively large ones be ignored. */
const maxTraceparent = 512

const traceparentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^]*)?$/

const sampledFlag = 1
const randomFlag = 2

/**
 * Reads a `traceparent` (§3.2). Version 00 is exactly four fields; of later ones the first four are read, and of their
 * flags only the one for sampling (§3.2.4).
 */
export const readTraceparent = (header: string, report: Report): RemoteTrace | undefined => {
  const ignore = (problem: string) => {
    report("traceparent", problem, "00-<32 digits>-<16 digits>-<2 digits>, lower-case hexadecimal, ids not all zero")
    return undefined
  }
  if (header.length > maxTraceparent) return ignore(`is ${header.length} characters long`)
  const [, version, traceId = "", spanId = "", flags = "", more] = traceparentForm.exec(trimOws(header)) ?? []
  if (version === undefined) return ignore("has another form")
  if (version === "ff") return ignore("has version ff, which is forbidden")
  if (version === "00" && more !== undefined) return ignore("has more than the four fields of version 00")
  if (!traceIdForm.test(traceId)) return ignore("has a trace id of zeros")
  if (!spanIdForm.test(spanId)) return ignore("has a parent id of zeros")
  const bits = Number.parseInt(flags, 16)
  return {
    traceId,
    spanId,
    sampled: (bits & sampledFlag) !== 0,
    random: version === "00" && (bits & randomFlag) !== 0,
    state: ""
  }
}

export const writeTraceparent = ({ random, sampled, spanId, traceId }: RemoteTrace): string => {
  const flags = (sampled ? sampledFlag : 0) | (random ? randomFlag : 0)
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`
}

const maxMembers = 32

/** What the specification wants to be passed on at least, and what we send at most (§3.3.1.5). */
const maxSent = 512

/** Those over this length go first when there is no room. */
const longMember = 128

/** Twice what 32 members of full length take. */
const maxTracestate = 32_768

const memberForm =
  /^([a-z0-9][a-z0-9_\-*/@]{0,255})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])$/

type Members = ReadonlyMap<string, string>

/** The members of a `tracestate` (§3.3.1), leftmost first; `undefined` if any of it is invalid. */
export const readTracestate = (header: string, report: Report): Members | undefined => {
  const ignore = (problem: string) => {
    report("tracestate", problem, "at most 32 members key=value, separated by commas")
    return undefined
  }
  if (header.length > maxTracestate) return ignore(`is ${header.length} characters long`)
  const members = new Map<string, string>()
  let count = 0
  for (const part of header.split(",")) {
    const member = trimOws(part)
    if (member === "") continue
    if (++count > maxMembers) return ignore("has more than 32 members")
    const [, key, value] = memberForm.exec(member) ?? []
    if (key === undefined || value === undefined) return ignore(`has a member ${count} of another form`)
    // The leftmost is the latest.
    if (members.has(key)) report("tracestate", `has "${key}" twice`, "keys that differ; the first one counts")
    else members.set(key, value)
  }
  return members
}

export const writeTracestate = (members: Iterable<readonly [key: string, value: string]>): string =>
  Array.from(members, ([key, value]) => `${key}=${value}`).join(",")

/** Our own member. It says which scope of ours is the nearest; those who are no heddle pass it on. */
const ownKey = "heddle"

const ownForm = /^[1-9][0-9]{0,3}:([^:]+):([^:]+)(?::.*)?$/

/** The scope in our own member: `<version>:<uuid of the root>:<uuid of the scope>`. Later versions may add to it. */
export const readOwnMember = (members: Members, report: Report): RemoteScope | undefined => {
  const value = members.get(ownKey)
  if (value === undefined) return undefined
  const [, rootUuid = "", uuid = ""] = ownForm.exec(value) ?? []
  if (scopeIdForm.test(rootUuid) && scopeIdForm.test(uuid)) return { uuid, rootUuid }
  report("tracestate", `has a member "${ownKey}" of another form`, "1:<uuid of the root>:<uuid of the scope>")
  return undefined
}

/** The `tracestate` that goes out: what came in, our own member in front where it is new, within the limits. */
export const tracestateOf = ({ state }: RemoteTrace, scope: RemoteScope | undefined): string => {
  const members = new Map(readTracestate(state, () => undefined))
  if (scope !== undefined && scopeIdForm.test(scope.uuid) && scopeIdForm.test(scope.rootUuid)) {
    const own = `1:${scope.rootUuid}:${scope.uuid}`
    // A member that says the same keeps its place: what did not change may not be moved (§3.5).
    if (members.get(ownKey) !== own) {
      members.delete(ownKey)
      return fit([[ownKey, own], ...members])
    }
  }
  return fit([...members])
}

/** Whole members go until the rest fits: first those that are long, then the last ones. */
const fit = (members: ReadonlyArray<readonly [key: string, value: string]>): string => {
  const kept = members.slice()
  const isOver = () => kept.length > maxMembers || writeTracestate(kept).length > maxSent
  const isLong = ([key, value]: readonly [string, string]) => key.length + 1 + value.length > longMember
  while (isOver()) {
    const long = kept.findLastIndex((member) => member[0] !== ownKey && isLong(member))
    kept.splice(long >= 0 ? long : kept.length - 1, 1)
  }
  return writeTracestate(kept)
}
