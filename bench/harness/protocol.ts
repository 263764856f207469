import type { Measures } from "./Case.ts"
import type { Profile } from "./profile.ts"

/** What a process measures: time in batches, its own probe, the bytes that operations allocate, or where time goes. */
export type Mode = "time" | "probe" | "allocation" | "profile"

export type Request =
  | { readonly _tag: "Warm"; readonly warmMillis: number; readonly batchMillis: number }
  | { readonly _tag: "Measure"; readonly operations: number }
  | { readonly _tag: "Profile"; readonly operations: number }
  | { readonly _tag: "Check" }

export type Reply =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Warmed"; readonly operations: number }
  | { readonly _tag: "Measured"; readonly measures: Measures }
  | { readonly _tag: "Profiled"; readonly profile: Profile }
  | { readonly _tag: "Checked"; readonly problem: string | undefined }
  | { readonly _tag: "Missing"; readonly message: string }
  | { readonly _tag: "Failed"; readonly message: string }
