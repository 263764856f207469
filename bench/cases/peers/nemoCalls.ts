/** The cases of NeMo Flow and NeMo Relay: calls, streams, scopes and marks. */
import { casesOf, type TimedCase } from "../../harness/Case.ts"
import { chatBody, chatResponse, chunkCount, chunks, largeInput, search, smallInput, type ToolInput } from "../work.ts"
import { type Flavour, installEach, loadNemo, type Nemo, nemoBatch } from "./nemo.ts"

const { timed } = casesOf(import.meta.url)

interface ToolOptions {
  readonly each?: number
  readonly requests?: number
  readonly subscribers?: number
  readonly concurrency?: number
  readonly input?: ToolInput
}

const toolCase = (flavour: Flavour, id: string, title: string, options: ToolOptions): TimedCase =>
  timed(`peer/${flavour}/tool/${id}`, `${flavour}: ${title}`, async () => {
    const nemo = await loadNemo(flavour)
    const { concurrency = 1, each = 0, input = smallInput, requests = 0, subscribers = 0 } = options
    installEach(nemo, each)
    for (let index = 0; index < requests; index++) {
      nemo.native.registerToolRequestIntercept(`request-${index}`, index, false, (_tool, input) => input)
    }
    const work = (input: ToolInput) => nemo.result(search(input))
    return nemoBatch(nemo, {
      operation: () => nemo.native.toolCallExecuteAsync("search", input, work),
      events: nemo.hasGuardrailScopes ? 2 + 2 * each : 2,
      subscribers,
      concurrency
    })
  })

const request = { headers: {}, content: chatBody }

const llmCase = (flavour: Flavour, id: string, title: string, subscribers: number): TimedCase =>
  timed(`peer/${flavour}/llm/${id}`, `${flavour}: ${title}`, async () => {
    const nemo = await loadNemo(flavour)
    return nemoBatch(nemo, {
      operation: () => nemo.native.llmCallExecuteAsync("openai", request, () => chatResponse),
      events: 2,
      subscribers
    })
  })

const readStream = async ({ native, streamKey }: Nemo): Promise<void> => {
  const stream = await native.llmStreamCallExecute("openai", request, (wrapper) => {
    const id = Number(wrapper[streamKey])
    for (const chunk of chunks) native.pushStreamChunk(id, chunk)
    native.endStream(id)
  })
  while (await stream.next() !== null) { /* all of it */ }
}

const streamCase = (flavour: Flavour, id: string, title: string, subscribers: number): TimedCase =>
  timed(`peer/${flavour}/stream/${id}`, `${flavour}: ${title}`, async () => {
    const nemo = await loadNemo(flavour)
    return nemoBatch(nemo, {
      operation: () => readStream(nemo),
      events: nemo.marksChunks ? 2 + chunkCount : 2,
      subscribers
    })
  }, chunkCount)

const scopeCase = (flavour: Flavour, id: string, title: string, depth: number, subscribers: number): TimedCase =>
  timed(`peer/${flavour}/scope/${id}`, `${flavour}: ${title}`, async () => {
    const nemo = await loadNemo(flavour)
    const { native } = nemo
    for (let level = 1; level < depth; level++) native.pushScope("outer", 1)
    const batch = nemoBatch(nemo, {
      operation: () => {
        const handle = native.pushScope("step", 1)
        search(smallInput)
        native.popScope(handle)
      },
      events: 2,
      subscribers
    })
    return batch
  })

const markCase = (flavour: Flavour, id: string, title: string, subscribers: number): TimedCase =>
  timed(`peer/${flavour}/mark/${id}`, `${flavour}: ${title}`, async () => {
    const nemo = await loadNemo(flavour)
    const data = { done: 3, of: 10 }
    return nemoBatch(nemo, {
      operation: () => nemo.native.event("progress", undefined, data),
      events: 1,
      subscribers
    })
  })

const flavours: ReadonlyArray<Flavour> = ["nemo-flow", "nemo-relay"]

export const tool = flavours.flatMap((flavour) => [
  toolCase(flavour, "none", "nothing installed", {}),
  toolCase(flavour, "none@64", "nothing installed, 64 in flight", { concurrency: 64 }),
  toolCase(flavour, "sub", "1 subscriber", { subscribers: 1 }),
  toolCase(flavour, "one+sub", "1 of each, 1 subscriber", { each: 1, subscribers: 1 }),
  toolCase(flavour, "one+sub@64", "1 of each, 1 subscriber, 64 in flight", {
    each: 1,
    subscribers: 1,
    concurrency: 64
  }),
  toolCase(flavour, "ten", "10 of each, 10 subscribers", { each: 10, subscribers: 10 }),
  toolCase(flavour, "r100", "100 request intercepts", { requests: 100 }),
  toolCase(flavour, "100k/one+sub", "100 KB, 1 of each, 1 subscriber", {
    each: 1,
    subscribers: 1,
    input: largeInput
  })
])

export const llm = flavours.flatMap((flavour) => [
  llmCase(flavour, "none", "nothing installed", 0),
  llmCase(flavour, "sub", "1 subscriber", 1)
])

export const stream = flavours.flatMap((flavour) => [
  streamCase(flavour, "none", "nothing installed", 0),
  streamCase(flavour, "sub", "1 subscriber", 1)
])

export const scope = flavours.flatMap((flavour) => [
  scopeCase(flavour, "1", "depth 1", 1, 0),
  scopeCase(flavour, "100", "depth 100", 100, 0),
  scopeCase(flavour, "1+sub", "depth 1, 1 subscriber", 1, 1)
])

export const mark = flavours.flatMap((flavour) => [
  markCase(flavour, "none", "nobody listens", 0),
  markCase(flavour, "sub", "1 subscriber", 1)
])

export const cases = [...tool, ...llm, ...stream, ...scope, ...mark]
