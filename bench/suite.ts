/** What one run measures, in which company. */
import * as agents from "./cases/agents.ts"
import * as baselines from "./cases/baselines.ts"
import * as burst from "./cases/burst.ts"
import * as llm from "./cases/llm.ts"
import * as mark from "./cases/mark.ts"
import * as memory from "./cases/memory.ts"
import * as aiSdk from "./cases/peers/aiSdk.ts"
import * as langChain from "./cases/peers/langChain.ts"
import * as nemoAgents from "./cases/peers/nemoAgents.ts"
import * as nemo from "./cases/peers/nemoCalls.ts"
import * as openAiAgents from "./cases/peers/openAiAgents.ts"
import * as openTelemetry from "./cases/peers/openTelemetry.ts"
import * as promises from "./cases/promises.ts"
import * as scope from "./cases/scope.ts"
import * as startup from "./cases/startup.ts"
import * as stream from "./cases/stream.ts"
import * as tool from "./cases/tool.ts"
import type { Group } from "./harness/Case.ts"

const timed = { metric: "nanos", mode: "time", rounds: 9 } as const

export const suite: ReadonlyArray<Group> = [
  {
    ...timed,
    id: "tool",
    title: "A tool call",
    base: baselines.suspend.id,
    cases: [
      ...baselines.cases,
      ...tool.cases,
      openTelemetry.span,
      openAiAgents.span,
      ...langChain.tool,
      ...nemo.tool
    ]
  },
  {
    id: "allocation",
    title: "Bytes allocated by a tool call (of the JavaScript heap: what native code allocates is not seen)",
    base: baselines.suspend.id,
    metric: "bytes",
    mode: "allocation",
    rounds: 1,
    cases: [
      baselines.suspend,
      baselines.withSpan,
      tool.none,
      tool.oneSubscriber,
      tool.oneOfEachSubscribed,
      tool.audited,
      openTelemetry.span,
      openAiAgents.span,
      ...langChain.tool
    ]
  },
  {
    ...timed,
    id: "promises",
    title: "A tool call for code without Effect",
    base: promises.bare.id,
    cases: promises.cases
  },
  {
    ...timed,
    id: "llm",
    title: "A model call with 20 messages",
    base: llm.bare.id,
    cases: [...llm.cases, aiSdk.generate, ...langChain.llm, ...nemo.llm]
  },
  {
    ...timed,
    id: "stream",
    title: "A stream of 1,000 chunks, each chunk",
    base: stream.bare.id,
    cases: [...stream.cases, aiSdk.stream, ...langChain.stream, ...nemo.stream]
  },
  {
    ...timed,
    id: "scope",
    title: "Opening and closing a scope",
    base: baselines.suspend.id,
    cases: [baselines.suspend, baselines.withSpan, ...scope.cases, openTelemetry.span, ...nemo.scope]
  },
  {
    ...timed,
    id: "mark",
    title: "A mark",
    base: baselines.suspend.id,
    cases: [baselines.suspend, ...mark.cases, ...nemo.mark]
  },
  {
    id: "agents",
    title: "Agents at once, each making 10 calls that yield: each call",
    base: "bare/agents/100",
    metric: "nanos",
    mode: "time",
    rounds: 5,
    cases: [...agents.cases, ...agents.sizes.flatMap(nemoAgents.agents)]
  },
  {
    id: "memory",
    title: "Memory of an open agent with a call in flight",
    base: memory.bare.id,
    metric: "bytes",
    mode: "time",
    rounds: 5,
    cases: [...memory.cases, ...nemoAgents.memory]
  },
  {
    id: "burst",
    title: "A burst without a pause: growth of the process",
    base: undefined,
    metric: "rss",
    mode: "time",
    rounds: 3,
    cases: [...burst.cases, ...nemoAgents.burst]
  },
  {
    id: "startup",
    title: "Importing the core entry, and nouns of it",
    base: startup.bare.id,
    metric: "millis",
    mode: "time",
    rounds: 1,
    cases: startup.cases
  }
]
