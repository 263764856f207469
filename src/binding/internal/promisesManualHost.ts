import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import { withFrame } from "../../scope/internal/current.ts"
import { ScopeStack } from "../../scope/ScopeStack.ts"
import type { Heddle } from "../Promises.ts"
import { Callback } from "./promisesCallback.ts"
import { type ManualCalls, manualCalls, type ManualHost } from "./promisesManual.ts"
import { PromiseRuntime } from "./promisesRuntime.ts"
import { type Place, Task } from "./promisesTask.ts"

declare module "./promisesRuntime.ts" {
  // The class says that it is all of `Heddle`; these methods come to it in `withManualCalls`.
  interface PromiseRuntime extends ManualCalls {}
}

/** A runtime for code without Effect, with the methods of calls that run elsewhere. */
export const withManualCalls = (...[context, scope]: ConstructorParameters<typeof PromiseRuntime>): Heddle => {
  const runtime = new PromiseRuntime(context, scope)
  const host: ManualHost = {
    add: (started) => runtime.add(started),
    run: (kind, name, signal, effect) =>
      new Task<Effect.Success<typeof effect>>({
        place: placeOf(context),
        signal,
        tracker: runtime,
        call: { kind, name }
      }).run(effect),
    runAlways: (effect) => new Task<void>({ place: { ...placeOf(context), callback: undefined } }).run(effect)
  }
  return Object.assign(runtime, manualCalls(host))
}

/** Where the running code is, as `PromiseRuntime` finds it. */
const placeOf = (own: Context.Context<AgentRuntime>): Place => {
  const callback = Callback.current
  const running = callback?.context ?? Fiber.getCurrent()?.context
  return { context: running === undefined ? own : adopt(own, running), callback }
}

const adopt = (own: Context.Context<AgentRuntime>, running: Context.Context<never>): Context.Context<never> => {
  const runtime = Context.getOption(running, AgentRuntime)
  if (Option.isSome(runtime) && runtime.value === Context.get(own, AgentRuntime)) return running
  const placed = withFrame(own, Context.get(running, ScopeStack))
  const span = Context.getOption(running, Tracer.ParentSpan)
  return Option.isSome(span) ? Context.add(placed, Tracer.ParentSpan, span.value) : placed
}
