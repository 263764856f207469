import { type ChildProcess, fork } from "node:child_process"
import type { Case, Measures } from "./Case.ts"
import type { Profile } from "./profile.ts"
import type { Mode, Reply, Request } from "./protocol.ts"

/** A peer is not installed, which is no failure. */
export class CaseMissing extends Error {}

const flags: Record<Mode, ReadonlyArray<string>> = {
  // The steady state of a warm server: the young generation has grown to its full size.
  time: ["--min-semi-space-size=16"],
  profile: ["--min-semi-space-size=16", "--expose-gc"],
  probe: ["--min-semi-space-size=16", "--expose-gc"],
  allocation: ["--min-semi-space-size=512", "--max-semi-space-size=512", "--expose-gc"]
}

const limitMillis = 300_000

/** The driver's end of the process of one case. */
export class Worker {
  private readonly child: ChildProcess
  private constructor(child: ChildProcess) {
    this.child = child
  }

  static async start(measured: Case, mode: Mode): Promise<Worker> {
    const worker = new Worker(fork(new URL("./child.ts", import.meta.url), [measured.module, measured.id, mode], {
      execArgv: ["--no-warnings", ...flags[mode]],
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    }))
    try {
      await worker.next("Ready")
      return worker
    } catch (error) {
      worker.stop()
      throw error
    }
  }

  async warm(warmMillis: number, batchMillis: number): Promise<number> {
    return (await this.ask({ _tag: "Warm", warmMillis, batchMillis }, "Warmed")).operations
  }

  async measure(operations: number): Promise<Measures> {
    return (await this.ask({ _tag: "Measure", operations }, "Measured")).measures
  }

  async profile(operations: number): Promise<Profile> {
    return (await this.ask({ _tag: "Profile", operations }, "Profiled")).profile
  }

  async check(): Promise<string | undefined> {
    return (await this.ask({ _tag: "Check" }, "Checked")).problem
  }

  stop(): void {
    this.child.kill("SIGKILL")
  }

  private ask<Tag extends Reply["_tag"]>(request: Request, tag: Tag): Promise<Extract<Reply, { _tag: Tag }>> {
    const answer = this.next(tag)
    this.child.send(request)
    return answer
  }

  private next<Tag extends Reply["_tag"]>(tag: Tag): Promise<Extract<Reply, { _tag: Tag }>> {
    const { child } = this
    return new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        clearTimeout(timer)
        child.off("message", onMessage)
        child.off("exit", onExit)
        done()
      }
      const onMessage = (reply: Reply): void =>
        settle(() => {
          if (reply._tag === tag) resolve(reply as Extract<Reply, { _tag: Tag }>)
          else if (reply._tag === "Missing") reject(new CaseMissing(reply.message))
          else reject(new Error("message" in reply ? reply.message : `expected ${tag}, got ${reply._tag}`))
        })
      const onExit = (code: number | null, signal: string | null): void =>
        settle(() => reject(new Error(`its process ended (${signal ?? code})`)))
      const timer = setTimeout(
        () => settle(() => reject(new Error(`no answer within ${limitMillis / 1000} s`))),
        limitMillis
      )
      child.on("message", onMessage)
      child.on("exit", onExit)
    })
  }
}
