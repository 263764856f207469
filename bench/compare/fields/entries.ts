/** The entries of a run: everything that its exporters wrote and sent. */
import { readFile } from "node:fs/promises"
import { attributesOf, decode, type KeyValue, type LogsData, type TracesData } from "../otlp.ts"
import type { Post } from "../receiver.ts"
import { type Entry, type Format, numbered } from "./Entry.ts"
import { isRecord, type Json } from "./json.ts"
import { type AtofLine, Run } from "./Run.ts"

type Fields = { readonly [key: string]: Json }

export interface Exported {
  readonly directory: string
  /** What was posted to the endpoints of this run. */
  readonly posts: ReadonlyArray<Post>
  /** When it began and ended, in milliseconds since the epoch. */
  readonly times: { readonly from: number; readonly to: number }
}

export const entriesOf = async ({ directory, posts, times }: Exported): Promise<ReadonlyArray<Entry>> => {
  const lines = (await readFile(`${directory}/atof.jsonl`, "utf8")).trim().split("\n")
  const records: ReadonlyArray<AtofLine & Fields> = lines.map((line) => JSON.parse(line))
  const run = new Run(records, times)
  return [
    ...records.map((record) => ({
      format: "atof" as const,
      key: `${run.label(record.uuid)}/${record.kind === "mark" ? "mark" : record.scope_category}`,
      fields: run.flatten(record)
    })),
    ...trajectory(run, JSON.parse(await readFile(`${directory}/atif.json`, "utf8")), "trajectory"),
    ...spans(run, posts, "gen_ai"),
    ...spans(run, posts, "openinference"),
    ...logs(run, posts)
  ]
}

// ATIF

function* trajectory(run: Run, document: Fields, key: string): Generator<Entry> {
  const { steps, subagent_trajectories: inner, ...rest } = document
  yield { format: "atif", key, fields: run.flatten(rest) }
  const unique = numbered()
  for (const step of listOf(steps)) {
    yield {
      format: "atif",
      key: unique(`${key}/step of ${String(step["source"])}: ${about(step)}`),
      fields: run.flatten(step)
    }
  }
  for (const one of listOf(inner)) yield* trajectory(run, one, `${key}/${run.label(String(one["trajectory_id"]))}`)
}

/** A step is told by the scope that it came from, or by the sub-agent that it calls. */
const about = ({ extra, tool_calls: calls }: Fields): string => {
  const ancestry = isRecord(extra) ? extra["ancestry"] : undefined
  if (isRecord(ancestry ?? null)) return String((ancestry as Fields)["function_name"])
  return listOf(calls).map((call) => String(call["function_name"])).join(", ")
}

const listOf = (value: Json | undefined): ReadonlyArray<Fields> => Array.isArray(value) ? value.filter(isRecord) : []

// OTLP

const bodies = (posts: ReadonlyArray<Post>, format: Format): ReadonlyArray<unknown> =>
  posts.filter(({ path }) => path.includes(`/${format}/`)).map(decode)

function* spans(run: Run, posts: ReadonlyArray<Post>, format: "gen_ai" | "openinference"): Generator<Entry> {
  const groups = (bodies(posts, format) as ReadonlyArray<TracesData>).flatMap((data) => data.resourceSpans ?? [])
  for (const { resource, scopeSpans = [] } of groups.slice(0, 1)) {
    yield* sender(run, format, resource?.attributes, scopeSpans[0]?.scope)
  }
  const all = groups.flatMap(({ scopeSpans = [] }) => scopeSpans.flatMap(({ spans = [] }) => spans))
  const unique = numbered()
  for (const { attributes, events = [], spanId, ...rest } of all) {
    const span = {
      ...rest,
      attributes: attributesOf(attributes),
      events: events.map(({ attributes, name, timeUnixNano }) => ({
        name,
        timeUnixNano,
        attributes: attributesOf(attributes)
      }))
    }
    yield { format, key: unique(run.label(spanId)), fields: run.flatten(said(span), { vendor: true }) }
  }
}

function* logs(run: Run, posts: ReadonlyArray<Post>): Generator<Entry> {
  const groups = (bodies(posts, "logs") as ReadonlyArray<LogsData>).flatMap((data) => data.resourceLogs ?? [])
  for (const { resource, scopeLogs = [] } of groups.slice(0, 1)) {
    yield* sender(run, "logs", resource?.attributes, scopeLogs[0]?.scope)
  }
  for (const record of groups.flatMap(({ scopeLogs = [] }) => scopeLogs.flatMap(({ logRecords = [] }) => logRecords))) {
    const { attributes, body, ...rest } = record
    const told = attributesOf(attributes)
    const id = told["nemo_relay.mark.uuid"] ?? told["heddle.mark.uuid"]
    const fields = {
      ...rest,
      ...attributesOf(body === undefined ? [] : [{ key: "body", value: body }]),
      attributes: told
    }
    yield { format: "logs", key: run.label(String(id)), fields: run.flatten(said(fields), { vendor: true }) }
  }
}

/** A field of protobuf that has its default is one that is not there. */
const said = (value: object): Json =>
  JSON.parse(JSON.stringify(value, (key, field: unknown) => {
    if (
      key === "status" && isRecord(field) && (field["code"] ?? 0) === 0 && field["message"] === undefined
    ) return undefined
    if ((key === "events" || key === "links") && Array.isArray(field) && field.length === 0) return undefined
    return key === "flags" && field === 0 ? undefined : field
  }))

function* sender(
  run: Run,
  format: Format,
  resource: ReadonlyArray<KeyValue> | undefined,
  scope: object | undefined
): Generator<Entry> {
  yield { format, key: "(resource)", fields: run.flatten(attributesOf(resource) as Fields) }
  yield { format, key: "(instrumentation scope)", fields: run.flatten(scope as Fields | undefined) }
}
