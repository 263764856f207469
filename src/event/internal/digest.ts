import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, randomBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Redacted from "effect/Redacted"
import { degrade } from "./degrade.ts"

/**
 * Keyed digest of a payload: HMAC-SHA-256, hexadecimal, over its JSON with sorted keys. Without a key, one is drawn.
 * It must be synchronous, so that nothing can run between the check and the work; Web Crypto is not.
 */
export const makeDigest = (key: string | Redacted.Redacted<string> | undefined): (payload: unknown) => string => {
  const secret = key === undefined
    ? randomBytes(32)
    : utf8ToBytes(Redacted.isRedacted(key) ? Redacted.value(key) : key)
  // What the key alone determines is hashed once.
  const keyed = hmac.create(sha256, secret)
  return (payload) => bytesToHex(keyed.clone().update(utf8ToBytes(canonical(payload))).digest())
}

const canonical = (payload: unknown): string => JSON.stringify(degrade(payload), sortKeys)

const sortKeys = (_key: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0))
}
