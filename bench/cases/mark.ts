/** Marks, through to a subscriber that counts them. */
import { Mark } from "../../src/index.ts"
import { casesOf } from "../harness/Case.ts"
import { managedBatch } from "../harness/program.ts"

const { timed } = casesOf(import.meta.url)

const data = { done: 3, of: 10 }

const markCase = (id: string, title: string, subscribers: number) =>
  timed(id, title, () => managedBatch({ subscribers, events: 1, make: () => Mark.emit("progress", { data }) }))

export const cases = [
  markCase("mark/none", "nobody listens", 0),
  markCase("mark/sub", "1 subscriber", 1),
  markCase("mark/ten", "10 subscribers", 10)
]
