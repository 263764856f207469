import * as Context from "effect/Context"
import type * as PubSub from "effect/PubSub"
import type { Dispatcher } from "./dispatcher.ts"
import type { Batch, Kernel } from "./kernel.ts"

/**
 * One runtime: what is installed, what is open and where events go. Two runtimes never share state.
 *
 * Its fields belong to the library. Use `AgentRuntime.layer` or `AgentRuntime.layerWith` to make one.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class AgentRuntime extends Context.Service<AgentRuntime, {
  readonly kernel: Kernel
  readonly dispatcher: Dispatcher
  readonly trunk: PubSub.PubSub<Batch>
  // @effect-diagnostics-next-line deterministicKeys:off
}>()("heddle/AgentRuntime") {}
