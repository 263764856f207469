import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Draft, Level, Observers } from "../../event/internal/frame.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import type { Installed } from "../../event/internal/registry.ts"
import type { Span } from "../../event/internal/span.ts"
import { mayApply } from "./applies.ts"
import {
  type AnyEntry,
  type ExecutionInterceptEntry,
  type GuardrailEntry,
  isEntry,
  type OutputGuardrailEntry,
  type RequestInterceptEntry,
  type StreamInterceptEntry
} from "./entry.ts"
import { Observation } from "./observe.ts"

/** An entry at its place: the services that it runs with, and the level from which it is seen. `0` is the runtime. */
export interface Step<E extends AnyEntry = AnyEntry> {
  readonly entry: E
  readonly context: Context.Context<never>
  readonly level: number
  readonly references: number
}

/** What runs around calls of one kind, each list in order. */
export interface Chains {
  readonly requests: ReadonlyArray<Step<RequestInterceptEntry>>
  readonly guardrails: ReadonlyArray<Step<GuardrailEntry>>
  readonly executions: ReadonlyArray<Step<ExecutionInterceptEntry>>
  readonly streams: ReadonlyArray<Step<StreamInterceptEntry | ExecutionInterceptEntry>>
  readonly outputs: ReadonlyArray<Step<OutputGuardrailEntry>>
  /** Names that the runtime requires and that no guardrail has. */
  readonly missing: ReadonlyArray<string>
  /** Nothing at all runs around these calls. */
  readonly isEmpty: boolean
}

/** Everything visible from one place, resolved and sorted once for each change. */
export class Plan implements Observers {
  readonly epoch: number
  readonly steps: ReadonlyArray<Step>
  private readonly tool: Chains
  private readonly llm: Chains
  private readonly observation: Observation | undefined

  constructor(epoch: number, steps: ReadonlyArray<Step>, kernel: Kernel) {
    this.epoch = epoch
    this.steps = steps
    const missing = kernel.options.require.filter((name) =>
      !steps.some(({ entry }) =>
        (entry.kind === "guardrail" || entry.kind === "outputGuardrail") && entry.name === name
      )
    )
    this.tool = chainsOf(steps, "tool", missing)
    this.llm = chainsOf(steps, "llm", missing)
    this.observation = Observation.make(steps, kernel)
  }

  get isEmpty(): boolean {
    return this.observation === undefined
  }

  chainsOf(kind: "tool" | "llm"): Chains {
    return kind === "tool" ? this.tool : this.llm
  }

  observe(draft: Draft, span: Span | undefined): Effect.Effect<void> | undefined {
    return this.observation?.run(draft, span)
  }
}

/** The plan for what is visible from a level; made again only when something was installed or removed. */
export const planFor = (kernel: Kernel, level: Level | undefined): Plan => {
  const cached = level === undefined
    ? kernel.basePlan
    : level.planKernel === kernel
    ? level.plan
    : undefined
  const { epoch } = kernel.registry
  if (cached instanceof Plan && cached.epoch === epoch) return cached
  const plan = new Plan(epoch, stepsOf(kernel, level), kernel)
  if (level === undefined) kernel.basePlan = plan
  else {
    level.plan = plan
    level.planKernel = kernel
  }
  return plan
}

/** The observers of a place as the plan that they are part of. */
export const asPlan = (observers: Observers, kernel: Kernel, level: Level | undefined): Plan =>
  observers instanceof Plan ? observers : planFor(kernel, level)

const stepsOf = (kernel: Kernel, level: Level | undefined): Array<Step> => {
  const steps: Array<Step> = []
  for (const { installed, references } of kernel.registry.installed()) add(steps, installed, 0, references)
  const levels: Array<Level> = []
  for (let node = level; node !== undefined; node = node.parent) levels.unshift(node)
  for (const node of levels) {
    for (const installed of node.installed) add(steps, installed, node.depth, 1)
  }
  return steps.toSorted((a, b) =>
    a.entry.priority - b.entry.priority || a.level - b.level || compareText(a.entry.name, b.entry.name)
  )
}

const add = (steps: Array<Step>, { context, entry }: Installed, level: number, references: number): void => {
  if (isEntry(entry)) steps.push({ entry, context, level, references })
}

const compareText = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

const chainsOf = (steps: ReadonlyArray<Step>, kind: "tool" | "llm", missing: ReadonlyArray<string>): Chains => {
  const requests: Array<Step<RequestInterceptEntry>> = []
  const guardrails: Array<Step<GuardrailEntry>> = []
  const executions: Array<Step<ExecutionInterceptEntry>> = []
  const streams: Array<Step<StreamInterceptEntry | ExecutionInterceptEntry>> = []
  const outputs: Array<Step<OutputGuardrailEntry>> = []
  for (const step of steps) {
    const { entry } = step
    switch (entry.kind) {
      case "requestIntercept":
        if (mayApply(entry.applies, kind)) requests.push({ ...step, entry })
        break
      case "guardrail":
        if (mayApply(entry.applies, kind)) guardrails.push({ ...step, entry })
        break
      case "outputGuardrail":
        if (mayApply(entry.applies, kind)) outputs.push({ ...step, entry })
        break
      case "executionIntercept":
        if (!mayApply(entry.applies, kind)) break
        executions.push({ ...step, entry })
        if (entry.stream !== undefined) streams.push({ ...step, entry })
        break
      case "streamIntercept":
        if (mayApply(entry.applies, kind)) streams.push({ ...step, entry })
        break
    }
  }
  return {
    requests,
    guardrails,
    executions,
    streams,
    outputs,
    missing,
    isEmpty: requests.length + guardrails.length + executions.length + streams.length + outputs.length === 0
  }
}
