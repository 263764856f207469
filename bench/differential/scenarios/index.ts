import type { Scenario } from "../Scenario.ts"
import { blocks } from "./blocks.ts"
import { calls } from "./calls.ts"
import { executions } from "./executions.ts"
import { local } from "./local.ts"
import { observers } from "./observers.ts"
import { rewrites } from "./rewrites.ts"
import { scopes } from "./scopes.ts"
import { streams } from "./streams.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  ...scopes,
  ...calls,
  ...blocks,
  ...rewrites,
  ...executions,
  ...streams,
  ...local,
  ...observers
]
