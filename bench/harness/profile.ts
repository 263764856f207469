import type { Profiler } from "node:inspector"
import { Session } from "node:inspector/promises"

/** Where time went while something ran. */
export interface Profile {
  /** CPU time of one operation, nanoseconds; `undefined` for what measures itself. */
  readonly nanos: number | undefined
  /** Share of each part, from 0 to 1. */
  readonly parts: Readonly<Record<string, number>>
  /** Share of the functions with the most of it. */
  readonly functions: ReadonlyArray<readonly [name: string, share: number]>
}

const samplingMicros = 200

/** Runs something under V8's sampling profiler, and says which part of the program had the processor how long. */
export const profile = async (run: () => Promise<number | undefined>): Promise<Profile> => {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.setSamplingInterval", { interval: samplingMicros })
  await session.post("Profiler.start")
  const nanos = await run()
  const { profile } = await session.post("Profiler.stop")
  session.disconnect()
  return { nanos, ...sharesOf(profile) }
}

// internal

const sharesOf = ({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Pick<Profile, "parts" | "functions"> => {
  const frames = new Map(nodes.map(({ callFrame, id }) => [id, callFrame]))
  const parts = new Map<string, number>()
  const functions = new Map<string, number>()
  let total = 0
  samples.forEach((id, index) => {
    const { functionName, url } = frames.get(id)!
    const micros = timeDeltas[index] ?? 0
    if (functionName === "(idle)") return
    total += micros
    add(parts, partOf(functionName, url), micros)
    add(
      functions,
      `${functionName === "" ? "(anonymous)" : functionName} ${url.split("/").slice(-2).join("/")}`,
      micros
    )
  })
  const shares = (times: ReadonlyMap<string, number>) =>
    Array.from(times, ([name, micros]) => [name, micros / total] as const).toSorted((a, b) => b[1] - a[1])
  return { parts: Object.fromEntries(shares(parts)), functions: shares(functions).slice(0, 20) }
}

const add = (times: Map<string, number>, name: string, micros: number): void => {
  times.set(name, (times.get(name) ?? 0) + micros)
}

/** A room of `src`, a part of Effect, what the platform does, or the benchmark itself. */
const partOf = (functionName: string, url: string): string => {
  if (functionName === "(garbage collector)") return "garbage collection"
  if (functionName === "now" || functionName === "performanceNow") return "clock"
  const room = /\/src\/(\w+)(?:\/|\.ts$)/.exec(url)?.[1]
  if (room !== undefined) return `heddle: ${room}`
  const effect = /\/effect\/dist\/(?:internal\/)?(\w+)/.exec(url)?.[1]
  if (effect !== undefined) {
    return effect === "Context"
      ? "Effect: contexts"
      : /^(?:Stream|Channel|Pull|Sink)$/i.test(effect)
      ? "Effect: streams"
      : /^(?:effect|core|Exit|Cause|Scheduler|Effectable)$/.test(effect)
      ? "Effect: run loop, frames, exits"
      : "Effect: other"
  }
  if (/async_context_frame|async_hooks|async_local_storage/.test(url)) return "Node: async context"
  if (url.startsWith("node:") || url === "") return "Node and V8"
  return "the benchmark"
}
