/**
 * The process of one case. Arguments: the file of the case, its id, and what to measure. It answers the driver's
 * messages, one at a time.
 */
import { measureAllocation } from "./allocation.ts"
import type { Case } from "./Case.ts"
import { PeerMissing } from "./peer.ts"
import { profile } from "./profile.ts"
import type { Reply, Request } from "./protocol.ts"
import { timeBatch, warm } from "./timing.ts"

const [module, id, mode] = process.argv.slice(2)

const reply = (message: Reply): void => {
  process.send?.(message)
}

const failed = (error: unknown): void =>
  reply({
    _tag: error instanceof PeerMissing ? "Missing" : "Failed",
    message: error instanceof Error ? error.message : String(error)
  })

const start = async (): Promise<(request: Request) => Promise<Reply>> => {
  const { cases } = (await import(module!)) as { readonly cases: ReadonlyArray<Case> }
  const found = cases.find((one) => one.id === id)
  if (found === undefined) throw new Error(`there is no case ${id}`)
  if (found.kind === "probe") {
    return async ({ _tag }) =>
      _tag === "Profile"
        ? { _tag: "Profiled", profile: await profile(async () => void await found.measure()) }
        : { _tag: "Measured", measures: await found.measure() }
  }
  const batch = await found.setup()
  return async (request) => {
    if (request._tag === "Check") return { _tag: "Checked", problem: batch.check?.() }
    if (request._tag === "Warm") {
      return { _tag: "Warmed", operations: await warm(batch, request.warmMillis, request.batchMillis) }
    }
    if (request._tag === "Profile") {
      const { operations } = request
      const run = async () => (await timeBatch(batch, operations, found.per)).cpu
      return { _tag: "Profiled", profile: await profile(run) }
    }
    const measures = mode === "allocation"
      ? await measureAllocation(batch, found.per)
      : await timeBatch(batch, request.operations, found.per)
    return { _tag: "Measured", measures }
  }
}

process.on("disconnect", () => process.exit())

try {
  const handle = await start()
  process.on("message", (request: Request) => {
    handle(request).then(reply, failed)
  })
  reply({ _tag: "Ready" })
} catch (error) {
  failed(error)
}
