import type { Scenario } from "../Scenario.ts"
import { calls } from "./calls.ts"
import { local } from "./local.ts"
import { observers } from "./observers.ts"
import { blocks, executions, rewrites } from "./policies.ts"
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
