#!/usr/bin/env node
// The command line stands on Node's services of Effect, which applications that only import heddle need not have.
try {
  await import("./run.ts")
} catch (error) {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error
  process.stderr.write(`heddle: the command line needs a package that is not installed: ${error.message}
npm install @effect/platform-node
`)
  process.exitCode = 2
}
