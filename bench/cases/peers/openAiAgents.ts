/** OpenAI Agents SDK: a function span in a trace, to a processor that only counts. */
import { casesOf } from "../../harness/Case.ts"
import { loadPeer } from "../../harness/peer.ts"
import { search, smallInput } from "../work.ts"

interface Agents {
  readonly setTraceProcessors: (processors: ReadonlyArray<Record<string, () => Promise<void>>>) => void
  readonly setTracingDisabled: (disabled: boolean) => void
  readonly withTrace: (name: string, work: () => Promise<void>) => Promise<void>
  readonly withFunctionSpan: (
    work: () => Promise<number>,
    options: { readonly data: { readonly name: string } }
  ) => Promise<number>
}

const { timed } = casesOf(import.meta.url)

export const span = timed("peer/openai-agents/span", "OpenAI Agents: withFunctionSpan, 1 processor", async () => {
  const agents = await loadPeer<Agents>("@openai/agents-core")
  let events = 0
  let expected = 0
  const count = async (): Promise<void> => {
    events++
  }
  const ignore = async (): Promise<void> => undefined
  agents.setTracingDisabled(false)
  agents.setTraceProcessors([{
    onTraceStart: ignore,
    onTraceEnd: ignore,
    onSpanStart: count,
    onSpanEnd: count,
    shutdown: ignore,
    forceFlush: ignore
  }])
  return {
    run: (operations) => {
      expected += operations * 2
      return agents.withTrace("bench", async () => {
        for (let i = 0; i < operations; i++) {
          await agents.withFunctionSpan(async () => search(smallInput), { data: { name: "search" } })
        }
      })
    },
    check: () => events === expected ? undefined : `${events} of ${expected} span events came`
  }
})

export const cases = [span]
