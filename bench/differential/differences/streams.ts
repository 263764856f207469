/** How streams differ. */
import { type Difference, each } from "../Difference.ts"
import type { Node, Normal } from "../normalise.ts"
import type { Json, JsonObject } from "../Script.ts"

export const chunkMarks: Difference = {
  reason: "The reference emits a mark for each chunk. Here the end says how many there were.",
  reference: (normal) =>
    eachModel(normal, (node) => {
      const rest = node.entries.filter((entry) => !isChunk(entry))
      node.endProfile.chunk_count = node.entries.length - rest.length
      node.entries = rest
    })
}

export const producerFailure: Difference = {
  reason:
    "When a stream's producer fails, the reference ends the stream and the call as if nothing had happened. Here " +
    "the stream fails, and the call ends with the error.",
  reference: (normal) => {
    if (eachModel(normal, (node) => node.status === "OK")) normal.result = "(the producer failed)"
  },
  heddle: (normal) => {
    const isFound = eachModel(normal, (node) => {
      if (node.status !== "ERROR" || node.error !== "internal_error ScriptError") return false
      node.status = "OK"
      node.message = undefined
      node.error = undefined
      // What its consumer had got before; of nothing the reference makes an empty text.
      node.output ??= ""
      delete node.endMetadata["heddle.partial"]
      return true
    })
    if (isFound) normal.result = "(the producer failed)"
  }
}

export const abandonedStream: Difference = {
  reason: "The producer of the reference runs ahead of its consumer, so that a stream which is left early has ended " +
    "already, and its events hold chunks that nobody read. Here the producer is pulled, and the call ends `Interrupted` " +
    "by its consumer with what had been read.",
  reference: (normal) =>
    eachModel(normal, (node) => {
      // How far ahead it was depends on the threads.
      node.entries = node.entries.filter((entry) => !isChunk(entry))
      node.status = "(left early)"
      node.message = undefined
      node.output = undefined
    }),
  heddle: (normal) => {
    const read = readBy(normal)
    eachModel(normal, (node) => {
      if (node.outcome !== "interrupted" || node.endMetadata["heddle.partial"] !== true) return
      if (node.endProfile.chunk_count !== read.length || node.output !== read.join("")) return
      node.endProfile = {}
      node.endMetadata = {}
      node.status = "(left early)"
      node.message = undefined
      node.outcome = undefined
      node.output = undefined
    })
  }
}

/** The chunks that the consumer gave as its result. */
const readBy = ({ result }: Normal): ReadonlyArray<Json> => {
  const { ok } = result as JsonObject
  return Array.isArray(ok) ? ok : []
}

const isChunk = ({ isMark, name }: Node): boolean => isMark && name === "llm.chunk"

/** Whether one of them gave true. */
const eachModel = (normal: Normal, visit: (node: Node) => boolean | void): boolean => {
  let isFound = false
  each(normal, (node) => {
    if (!node.isMark && node.category === "llm") isFound = visit(node) === true || isFound
  })
  return isFound
}
