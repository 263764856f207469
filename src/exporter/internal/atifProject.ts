/**
 * Trajectories of a whole log of events.
 *
 * @since 0.1.0
 */
import type { LifecycleEvent, ScopeStart } from "../../event/LifecycleEvent.ts"
import type { Options } from "../Atif.ts"
import { Builder } from "./atifBuilder.ts"
import type { Trajectory } from "./atifSchema.ts"
import { Sessions } from "./atifSessions.ts"
import { type Settings, settingsOf } from "./atifSettings.ts"

export const toTrajectory = (events: Iterable<LifecycleEvent>, options?: Options): Trajectory => {
  const sorted = inOrder(events)
  const settings = settingsOf(options)
  return project(sorted, settings)[0] ?? whole(sorted, settings)
}

export const toTrajectories = (events: Iterable<LifecycleEvent>, options?: Options): ReadonlyArray<Trajectory> =>
  project(inOrder(events), settingsOf(options))

/** In the order in which the agents began. */
const project = (events: ReadonlyArray<LifecycleEvent>, settings: Settings): ReadonlyArray<Trajectory> => {
  const sessions = new Sessions(settings, Number.POSITIVE_INFINITY)
  const found = new Map(events.flatMap((event) => sessions.add(event)).map((one) => [one.trajectory_id, one]))
  for (const one of sessions.drain()) found.set(one.trajectory_id, one)
  return events.flatMap((event) => {
    const one = event._tag === "ScopeStart" ? found.get(event.uuid) : undefined
    if (one !== undefined) found.delete(event.uuid)
    return one === undefined ? [] : [one]
  })
}

/** A log in which no agent has a scope, taken as that of one. */
const whole = (events: ReadonlyArray<LifecycleEvent>, settings: Settings): Trajectory => {
  const first = events[0]
  const uuid = first?.rootUuid ?? "unknown"
  const root: ScopeStart = {
    _tag: "ScopeStart",
    uuid: events.some((event) => event.uuid === uuid) ? `${uuid}:log` : uuid,
    rootUuid: uuid,
    sequence: 0,
    timestamp: first?.timestamp ?? 0,
    name: first?.name ?? "unknown",
    category: "agent",
    attributes: [],
    profile: undefined,
    data: undefined,
    dataSchema: undefined,
    metadata: undefined
  }
  const builder = new Builder(root, settings)
  for (const event of events) builder.add(event)
  return builder.finish()
}

/**
 * By time, as they came where it is the same: files are not always in order. A scope ends no earlier than what is in it,
 * whatever its clock says, or its trajectory would be closed too soon.
 */
const inOrder = (events: Iterable<LifecycleEvent>): ReadonlyArray<LifecycleEvent> => {
  const all = [...events]
  const ends = endsOf(all)
  const timeOf = (event: LifecycleEvent) =>
    event._tag === "ScopeEnd" ? Math.max(event.timestamp, ends.get(event.uuid) ?? 0) : event.timestamp
  return all.toSorted((a, b) => timeOf(a) - timeOf(b))
}

/** When the last scope inside of each scope has ended. */
const endsOf = (events: ReadonlyArray<LifecycleEvent>): ReadonlyMap<string, number> => {
  const parents = new Map(events.map(({ parentUuid, uuid }) => [uuid, parentUuid]))
  const ends = new Map<string, number>()
  for (const event of events) {
    if (event._tag !== "ScopeEnd") continue
    let uuid = event.parentUuid
    while (uuid !== undefined && (ends.get(uuid) ?? 0) < event.timestamp) {
      ends.set(uuid, event.timestamp)
      uuid = parents.get(uuid)
    }
  }
  return ends
}
