/** What one run measures, in which company. */
import * as baselines from "./cases/baselines.ts"
import * as tool from "./cases/tool.ts"
import type { Group } from "./harness/Case.ts"

export const suite: ReadonlyArray<Group> = [
  {
    id: "tool",
    title: "A tool call",
    base: baselines.suspend.id,
    metric: "nanos",
    mode: "time",
    rounds: 9,
    cases: [...baselines.cases, ...tool.cases]
  },
  {
    id: "allocation",
    title: "Bytes allocated by a tool call",
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
      tool.audited
    ]
  }
]
