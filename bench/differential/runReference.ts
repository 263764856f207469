/** Runs a scenario in the reference: in a process of its own, since that is where the reference keeps its state. */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { PeerMissing } from "../harness/peer.ts"
import type { Driver, Recording } from "./Recording.ts"

/** What the process tells. */
export type Report = { readonly recording: Recording } | { readonly missing: string }

const file = fileURLToPath(new URL("./child.ts", import.meta.url))
const timeout = 60_000

export const runReference: Driver = ({ name }) =>
  new Promise((resolve, reject) => {
    const child = fork(file, [name], { stdio: ["ignore", "ignore", "pipe", "ipc"], timeout })
    let errors = ""
    let report: Report | undefined
    child.stderr?.on("data", (text) => {
      errors += String(text)
    })
    child.on("message", (message) => {
      report = message as Report
    })
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (report === undefined) {
        reject(new Error(`the reference did not finish ${name} (${signal ?? `exit code ${code}`})\n${errors}`))
      } else if ("missing" in report) reject(new PeerMissing(report.missing))
      else resolve(report.recording)
    })
  })
