/**
 * Server-sent events (WHATWG HTML, section 9.2.6) as far as model providers use them: the data of an event is JSON, and
 * `[DONE]` ends the stream.
 *
 * Effect's own parser is not stable yet, and drops a torn last event in silence.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Json } from "../../event/LifecycleEvent.ts"
import { CodecError } from "./codecError.ts"

const defaultMaxLineBytes = 1_048_576

export const decode = (options?: { readonly maxLineBytes?: number | undefined }) =>
<E, R>(
  stream: Stream.Stream<Uint8Array | string, E, R>
): Stream.Stream<Json, CodecError | E, R> =>
  stream.pipe(
    // Not `onHalt` of `mapAccum`: it runs after a failure too, and would put a torn event in the place of what failed.
    Stream.concat(Stream.succeed(ended)),
    Stream.mapAccum(
      () => makeParser(options?.maxLineBytes ?? defaultMaxLineBytes),
      (parser, chunk) => [parser, chunk === ended ? parser.end() : parser.feed(chunk)] as const
    ),
    Stream.takeWhile((frame) => frame !== done),
    Stream.mapEffect((frame) => frame instanceof CodecError ? Effect.fail(frame) : Effect.succeed(frame.json))
  )

// internal

const done = "done"

/** Comes after the last chunk of a stream that has not failed. */
const ended = Symbol("ended")

/** What became of one event. */
type Frame = { readonly json: Json } | typeof done | CodecError

interface Parser {
  readonly feed: (chunk: Uint8Array | string) => ReadonlyArray<Frame>
  readonly end: () => ReadonlyArray<Frame>
}

const makeParser = (max: number): Parser => {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  // Pieces of the line that has not ended yet.
  let pending: Array<string> = []
  let pendingLength = 0
  // Whether the last line ended with a CR, of which a LF would be a part.
  let endedByCr = false
  let isFirst = true
  let data: Array<string> = []
  let dataLength = 0
  let isOpen = false
  let index = 0

  const error = (expected: string, actual: string) =>
    new CodecError({ codec: "sse", direction: "sse", path: `/${index}`, expected, actual })

  const tooLong = () => error(`a line and the data of an event to be no longer than ${max}`, "more")

  const dispatch = (isTorn: boolean): Frame | undefined => {
    const text = data.join("\n")
    data = []
    dataLength = 0
    isOpen = false
    if (text === "" && !isTorn) return undefined
    if (text.trim() === "[DONE]") return done
    try {
      const json: Json = JSON.parse(text)
      // The start of a number is a number, the start of an object is no JSON.
      if (isTorn && (typeof json !== "object" || json === null)) throw new SyntaxError()
      index++
      return { json }
    } catch {
      return error(
        "an event whose data is JSON",
        isTorn ? "an event torn by the end" : `${text.length} characters that are none`
      )
    }
  }

  const endLine = (line: string): Frame | undefined => {
    if (line === "") return dispatch(false)
    const colon = line.indexOf(":")
    const field = colon < 0 ? line : line.slice(0, colon)
    if (field === "data") {
      const text = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)
      dataLength += text.length + 1
      if (dataLength > max + 1) return tooLong()
      data.push(text)
    }
    isOpen ||= field === "data" || field === "event"
    return undefined
  }

  const feedText = (text: string): ReadonlyArray<Frame> => {
    const frames: Array<Frame> = []
    let start = 0
    if (text !== "" && isFirst) {
      isFirst = false
      if (text.startsWith("\uFEFF")) start = 1
    }
    if (start < text.length && endedByCr) {
      endedByCr = false
      if (text[start] === "\n") start++
    }
    let cr = text.indexOf("\r", start)
    let lf = text.indexOf("\n", start)
    while (cr >= 0 || lf >= 0) {
      const end = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr
      if (pendingLength + end - start > max) return [...frames, tooLong()]
      const line = pending.join("") + text.slice(start, end)
      pending = []
      pendingLength = 0
      const frame = endLine(line)
      if (frame !== undefined) frames.push(frame)
      if (frame === done || frame instanceof CodecError) return frames
      start = end + 1
      if (end === cr) {
        if (start === text.length) endedByCr = true
        else if (text[start] === "\n") start++
      }
      if (cr >= 0 && cr < start) cr = text.indexOf("\r", start)
      if (lf >= 0 && lf < start) lf = text.indexOf("\n", start)
    }
    pendingLength += text.length - start
    if (pendingLength > max) return [...frames, tooLong()]
    if (start < text.length) pending.push(text.slice(start))
    return frames
  }

  const decodeBytes = (chunk?: Uint8Array): string | CodecError => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch {
      return error("UTF-8", "other bytes")
    }
  }

  return {
    feed: (chunk) => {
      const text = typeof chunk === "string" ? chunk : decodeBytes(chunk)
      return text instanceof CodecError ? [text] : feedText(text)
    },
    end: () => {
      const rest = decodeBytes()
      if (rest instanceof CodecError) return [rest]
      const line = pending.join("")
      const frame = line === "" ? undefined : endLine(line)
      if (frame !== undefined) return [frame]
      if (line !== "" && !/^(?:data|event|id|retry)?:/.test(line)) isOpen = true
      const last = isOpen ? dispatch(true) : undefined
      return last === undefined ? [] : [last]
    }
  }
}
