import * as Redacted from "effect/Redacted"
import { hashWith, mask, partial, remove, type Render, replaceWith } from "./piiAction.ts"
import { type DetectorName, detectorNames, makeDetector } from "./piiDetect.ts"
import { parsePath, type Path } from "./piiPath.ts"
import { findPattern, problemOf } from "./piiPattern.ts"
import { isRegion } from "./piiPlan.ts"
import type { Rules } from "./piiRedactor.ts"
import type { Detector } from "./piiText.ts"

/** What becomes of a finding. */
export type Action = "remove" | "mask" | "hash" | "partial" | "replace" | { readonly replace: string }

/** A detector of one's own. */
export interface CustomDetector {
  readonly name: string
  readonly pattern: string
  readonly ignoreCase?: boolean | undefined
  readonly action?: Action | undefined
}

/** How values are redacted. */
export interface RedactOptions {
  readonly action?: Action | undefined
  readonly detectors?: { readonly [D in DetectorName]?: boolean | Action | undefined } | undefined
  readonly custom?: ReadonlyArray<CustomDetector> | undefined
  readonly regions?: ReadonlyArray<string> | undefined
  readonly entropyBits?: number | undefined
  readonly include?: ReadonlyArray<string> | undefined
  readonly exclude?: ReadonlyArray<string> | undefined
  readonly key?: string | Redacted.Redacted<string> | undefined
  readonly maxChars?: number | undefined
}

/** Something in options that cannot be obeyed. */
export interface Problem {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

const minKey = 16

/** Everything that is wrong with options which have the right types. */
export const problemsOf = (options: RedactOptions): ReadonlyArray<Problem> => {
  const out: Array<Problem> = []
  const key = keyOf(options)
  if (key === undefined && hashes(options)) {
    out.push({ path: ["key"], message: "the action hash needs a key" })
  } else if (key !== undefined && key.length < minKey) {
    out.push({ path: ["key"], message: `expected a key of at least ${minKey} characters` })
  }
  for (const [i, region] of (options.regions ?? []).entries()) {
    if (!isRegion(region)) {
      out.push({
        path: ["regions", i],
        message: `expected a region such as "US" (ISO 3166-1, two capitals), got "${region}"`
      })
    }
  }
  for (const field of ["include", "exclude"] as const) {
    for (const [i, text] of (options[field] ?? []).entries()) {
      if (parsePath(text) === undefined) {
        out.push({ path: [field, i], message: `expected a JSON pointer such as "/data/messages/**", got "${text}"` })
      }
    }
  }
  const names = new Set<string>(detectorNames)
  for (const [i, { name, pattern }] of (options.custom ?? []).entries()) {
    if (!/^[a-z][a-z0-9_-]{0,31}$/.test(name)) {
      out.push({ path: ["custom", i, "name"], message: "expected up to 32 of a-z, 0-9, _ and -, a letter first" })
    } else if (names.has(name)) {
      out.push({ path: ["custom", i, "name"], message: `"${name}" is the name of another detector` })
    }
    names.add(name)
    const problem = problemOf(pattern)
    if (problem !== undefined) out.push({ path: ["custom", i, "pattern"], message: problem })
  }
  return out
}

/** Rules of options without problems. */
export const rulesOf = (options: RedactOptions): Rules => {
  const regions = (options.regions ?? ["US"]).filter(isRegion)
  const renders = new Map<string, Render>()
  const detectors: Array<Detector> = []
  for (const { action, ignoreCase, name, pattern } of options.custom ?? []) {
    detectors.push({ name, find: findPattern(pattern, ignoreCase ?? false) })
    renders.set(name, renderOf(action ?? options.action, options))
  }
  for (const name of detectorNames) {
    const setting = options.detectors?.[name] ?? name !== "entropy"
    if (setting === false) continue
    detectors.push(makeDetector(name, { regions, entropyBits: options.entropyBits ?? 4 }))
    renders.set(name, renderOf(setting === true ? options.action : setting, options))
  }
  return {
    detectors,
    render: (detector) => renders.get(detector) ?? replaceWith(undefined),
    include: pathsOf(options.include),
    exclude: pathsOf(options.exclude),
    maxChars: options.maxChars ?? 4_194_304
  }
}

const renderOf = (action: Action | undefined, options: RedactOptions): Render => {
  switch (action) {
    case "remove":
      return remove
    case "mask":
      return mask
    case "partial":
      return partial
    case "hash": {
      const key = keyOf(options)
      return key === undefined ? replaceWith(undefined) : hashWith(key)
    }
    case "replace":
    case undefined:
      return replaceWith(undefined)
    default:
      return replaceWith(action.replace)
  }
}

const hashes = ({ action, custom, detectors }: RedactOptions): boolean =>
  action === "hash" || (custom ?? []).some((detector) => detector.action === "hash") ||
  Object.values(detectors ?? {}).includes("hash")

const keyOf = ({ key }: RedactOptions): string | undefined => Redacted.isRedacted(key) ? Redacted.value(key) : key

const pathsOf = (texts: ReadonlyArray<string> | undefined): ReadonlyArray<Path> =>
  (texts ?? []).map(parsePath).filter((path) => path !== undefined)
