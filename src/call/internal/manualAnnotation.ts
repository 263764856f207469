import type { AnnotatedResponse, Usage } from "../../codec/Annotated.ts"
import type { Codec } from "../../codec/Codec.ts"
import { isRecord } from "../../event/internal/openRecord.ts"
import type { Annotator, Span } from "../../event/internal/span.ts"
import type { Profile } from "../../event/LifecycleEvent.ts"
import { CallAnnotator } from "./annotation.ts"

/** What is known of a response of which only the usage was told. */
export const usageProfile = (usage: Usage): Profile => ({
  annotatedResponse: { messages: [], finishReasons: [], usage, unmodelled: [] } satisfies AnnotatedResponse
})

/** Annotates one call that is ended by hand: what its host says of usage counts where the response says nothing. */
export class ManualAnnotator implements Annotator {
  usage: Usage | undefined = undefined
  private readonly inner: Annotator

  constructor(codec: Codec) {
    this.inner = new CallAnnotator(codec)
  }

  request(data: unknown, span: Span): Profile {
    return this.inner.request(data, span)
  }

  response(data: unknown): ReturnType<Annotator["response"]> {
    const { usage } = this
    const read = this.inner.response(data)
    if (usage === undefined) return read
    const { annotatedResponse } = read.profile
    const more = isRecord(annotatedResponse)
      ? { annotatedResponse: { ...annotatedResponse, usage: annotatedResponse["usage"] ?? usage } }
      : usageProfile(usage)
    return { ...read, profile: { ...read.profile, ...more } }
  }
}
