import type { Measures } from "./Case.ts"

/** What a process measures: time in batches, its own probe, or the bytes that operations allocate. */
export type Mode = "time" | "probe" | "allocation"

export type Request =
  | { readonly _tag: "Warm"; readonly warmMillis: number; readonly batchMillis: number }
  | { readonly _tag: "Measure"; readonly operations: number }
  | { readonly _tag: "Check" }

export type Reply =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Warmed"; readonly operations: number }
  | { readonly _tag: "Measured"; readonly measures: Measures }
  | { readonly _tag: "Checked"; readonly problem: string | undefined }
  | { readonly _tag: "Missing"; readonly message: string }
  | { readonly _tag: "Failed"; readonly message: string }
