/** Why the exports of the two runtimes differ. Each difference stands here, or `exporters.ts` fails. */
import type { Explanation } from "./fields/Difference.ts"

const request = "category_profile.annotated_request"
const response = "category_profile.annotated_response"

const annotations =
  "the neutral view of a payload is each runtime's own model; heddle's has the parts and finish reasons of the GenAI " +
  "conventions, and says what it did not model"
const exception =
  "an error keeps its own name and message; the reference has a closed list of types, prefixes the message, and loses the " +
  "class of what was thrown"
const guardrails =
  "decisions travel on the end of the call that they judged (and a block is a mark besides); the reference emits a scope " +
  "for each check"
const blocked = "a blocked call is a call, with a start and an end; the reference leaves a mark under its parent"
const chunks = "no event for each chunk: the end says how many there were and when the first came"
const root = "the reference hangs every root under a scope of its process that no event tells of"
const sdk = "who made the telemetry says so"
const flags = "W3C trace flags are optional in OTLP"
const outcomes = "every scope has an outcome; the reference knows it of managed calls only"
const repeated =
  "the payload is in `input.value` and `output.value` already; the reference repeats it twice, field by field"
const json =
  "of models too it is the JSON that was exchanged; readable messages are in `llm.input_messages` and `llm.output_messages`"
const request_ = "the request as it went over the wire: headers and body; the reference has the body only"
const perCall =
  "what is known of a tool's run stands on its call; the reference has lists beside the calls, on the step"
const whole = "the trajectory also says how it began, how it ended, and what was marked and blocked in it"
const text = "a text is `text/plain` as it is, not a JSON string"
const metadata = "metadata stands once, as JSON; the outcome is the span's status"

const only = (runtime: "reference" | "heddle", why: string, ...at: ReadonlyArray<string>): Explanation => ({
  at,
  verdict: `${runtime} only`,
  why
})
const differs = (why: string, ...at: ReadonlyArray<string>): Explanation => ({ at, verdict: "differs", why })

export const explanations: ReadonlyArray<Explanation> = [
  // of several formats

  only("reference", guardrails, "atof/guardrail *", "gen_ai/guardrail *", "openinference/guardrail *"),
  only("heddle", guardrails, "atof/mark no-delete/*", "logs/mark no-delete/*"),
  only(
    "heddle",
    guardrails,
    "gen_ai/tool *[heddle.guardrail.decision].*",
    "openinference/tool *[heddle.guardrail.decision].*"
  ),
  only(
    "reference",
    blocked,
    "atof/mark delete_file/*",
    "logs/mark delete_file/*",
    "openinference/function answering/events[delete_file].*"
  ),
  only("heddle", blocked, "atof/tool delete_file/*", "gen_ai/tool delete_file/*", "openinference/tool delete_file/*"),
  only(
    "heddle",
    blocked,
    "atif/*[delete_file].*",
    "atif/*[‹tool delete_file›].*",
    "atif/trajectory/final_metrics.extra.blocked_calls"
  ),
  only("reference", chunks, "atof/mark llm.chunk*", "logs/mark llm.chunk*", "openinference/*/events[llm.chunk*"),
  only(
    "heddle",
    chunks,
    "atof/llm openai.chat.answer/end/category_profile.chunk_count",
    "atif/*/extra.chunk_count",
    "atif/*/extra.time_to_first_chunk"
  ),
  only(
    "reference",
    root,
    "atof/agent scout/*/parent_uuid",
    "openinference/agent scout/attributes.‹vendor›.parent_uuid"
  ),
  differs(sdk, "*/(resource)/telemetry.sdk.*", "*/(instrumentation scope)/name"),
  only("heddle", sdk, "*/(instrumentation scope)/version"),
  only("reference", flags, "gen_ai/*/flags", "openinference/*/flags", "logs/*/flags"),

  // ATOF

  only("heddle", "events are numbered, so that a loss shows", "atof/*/metadata.heddle.sequence"),
  only("heddle", outcomes, "atof/*/metadata.heddle.outcome.*", "atof/*/metadata.otel.status_code"),
  only("heddle", guardrails, "atof/*/metadata.heddle.decisions[*"),
  differs(
    exception,
    "atof/tool post_report/end/metadata.exception.type",
    "atof/tool post_report/end/metadata.otel.status_description"
  ),
  only("reference", annotations, `atof/*/${request}.*`, `atof/*/${response}.*`),
  only("heddle", annotations, `atof/*/${request}.*`, `atof/*/${response}.*`),
  only(
    "heddle",
    "the codec knows the provider; the reference guesses it from names when it exports",
    "atof/*/category_profile.provider"
  ),
  differs(
    "an end has the model that answered; the reference repeats the one that was asked",
    "atof/llm */end/category_profile.model_name"
  ),
  {
    at: ["atof/llm openai.chat.answer/end/propagation_root_uuid"],
    verdict: "differs",
    why: "the reference ends a stream in whatever scope stack is current by then",
    sometimes: true
  },
  only("reference", "an empty profile is left out", "atof/tool post_report/*/category_profile"),
  only("reference", "a streamed call has the attribute `streaming`", "atof/llm openai.chat.answer/*/attributes"),
  only("heddle", "a streamed call has the attribute `streaming`", "atof/llm openai.chat.answer/*/attributes[0]"),
  only("reference", "the reference adds session headers of its own to every request", "atof/*/data.headers.x-dynamo-*"),
  only("heddle", "a header that may not be seen shows that it was there", "atof/*/data.headers.authorization"),

  // ATIF

  differs(
    "a document is told by its agent scope; `session_id` is what the application gave",
    "atif/trajectory/trajectory_id"
  ),
  only(
    "heddle",
    "the tools that models were offered are those of the agent; the reference knows configured ones only",
    "atif/trajectory/agent.tool_definitions[*"
  ),
  only(
    "heddle",
    whole,
    "atif/trajectory*/extra.status",
    "atif/trajectory*/extra.input",
    "atif/trajectory*/extra.output",
    "atif/trajectory/extra.metadata.*",
    "atif/trajectory/extra.marks[*"
  ),
  only("reference", request_, "atif/*/extra.llm_request.*"),
  only("heddle", request_, "atif/*/extra.llm_request.headers.*", "atif/*/extra.llm_request.body.*"),
  only(
    "reference",
    perCall,
    "atif/*/extra.tool_ancestry[*",
    "atif/*/extra.tool_invocations[*",
    "atif/*/tool_calls[*].extra.event_*",
    "atif/*/tool_calls[*].extra.parent_event_uuid"
  ),
  only("heddle", perCall, "atif/*/tool_calls[*].extra.ancestry.*", "atif/*/tool_calls[*].extra.invocation.*"),
  only(
    "heddle",
    "what it ran with, as observers may see it, where that is not what the model gave",
    "atif/*/tool_calls[read_file].extra.executed_arguments.*"
  ),
  only(
    "heddle",
    "a failed call has a result, which says how it failed; the reference leaves it out",
    "atif/*/observation.results[‹tool post_report›].*"
  ),
  only(
    "reference",
    "success is not worth saying; another outcome is in `extra.outcome`",
    "atif/*/observation.results[*].extra.metadata.otel.status_code"
  ),
  only(
    "reference",
    "details of usage stand side by side, without those that are zero",
    "atif/*/metrics.extra.completion_tokens_details.*"
  ),
  only(
    "heddle",
    "details of usage stand side by side, without those that are zero",
    "atif/*/metrics.extra.reasoning_tokens"
  ),
  differs(sdk, "atif/*/extra.invocation.framework"),
  only(
    "heddle",
    "what the sub-agent gave back",
    "atif/trajectory/step of agent: critic/observation.results[*].content"
  ),
  only(
    "reference",
    "the sub-agent is told by its own document, which is embedded",
    "atif/*/step of agent: critic/*.extra.*",
    "atif/trajectory/agent critic/session_id"
  ),
  differs(
    "the name and version of a sub-agent are its own; the reference gives every document those of the root",
    "atif/trajectory/agent critic/agent.*"
  ),

  // OpenTelemetry, gen_ai

  only("reference", "conventions leave the status of what succeeded unset", "gen_ai/*/status.code"),
  only(
    "heddle",
    "for back ends that chart what came before 1.37; `convention: \"latest\"` leaves it out",
    "gen_ai/*/attributes.gen_ai.system"
  ),
  only("heddle", "tokens spent on reasoning", "gen_ai/*/attributes.gen_ai.usage.reasoning.output_tokens"),
  only(
    "heddle",
    "definitions of tools as the model got them; the reference has their names",
    "gen_ai/*/attributes.gen_ai.tool.definitions#json[*"
  ),
  only("heddle", "kind of the tool, which the conventions recommend", "gen_ai/*/attributes.gen_ai.tool.type"),
  only(
    "reference",
    "not in conventions 1.41; `convention: \"latest\"` has it",
    "gen_ai/retriever notes-index/attributes.gen_ai.retrieval.top_k"
  ),
  only(
    "heddle",
    "what was sought and found, since content is told here",
    "gen_ai/retriever notes-index/attributes.gen_ai.retrieval.*"
  ),
  differs(
    exception,
    "*/tool post_report/status.message",
    "gen_ai/tool post_report/attributes.error.type",
    "*/tool post_report/events[exception].attributes.exception.type"
  ),
  only("heddle", exception, "*/tool post_report/events[exception].attributes.exception.message"),
  only(
    "heddle",
    "what an agent was asked and answered, since content is told here",
    "gen_ai/agent *put.messages#json[*"
  ),

  // OpenTelemetry, OpenInference

  only("heddle", outcomes, "openinference/*/status.code"),
  only(
    "reference",
    repeated,
    "openinference/*/attributes.‹vendor›.start.*",
    "openinference/*/attributes.‹vendor›.end.*",
    "openinference/*/attributes.‹vendor›.handle_attributes#json"
  ),
  only("reference", json, "openinference/llm */attributes.input.value", "openinference/llm */attributes.output.value"),
  only(
    "heddle",
    json,
    "openinference/llm */attributes.input.value#json.*",
    "openinference/llm */attributes.output.value#json.*"
  ),
  differs(json, "openinference/llm */attributes.*put.mime_type"),
  differs(text, "openinference/agent */attributes.input.mime_type", "openinference/agent */attributes.input.value"),
  only(
    "reference",
    metadata,
    "openinference/*/attributes.metadata#json.*",
    "openinference/*/attributes.openinference.metadata.*"
  ),
  differs(
    "the words of the GenAI conventions for why an answer ended",
    "openinference/llm */attributes.llm.finish_reason"
  ),
  only(
    "heddle",
    "the reference leaves out what the conventions have for it",
    "openinference/llm */attributes.llm.system",
    "openinference/llm */attributes.llm.provider",
    "openinference/llm */attributes.llm.*.model_name",
    "openinference/llm */attributes.llm.token_count.completion_details.reasoning",
    "openinference/llm */attributes.llm.input_messages.*.tool_calls.*",
    "openinference/tool */attributes.tool.id",
    "openinference/retriever */attributes.retrieval.documents.*",
    "openinference/agent */attributes.agent.name",
    "openinference/agent */attributes.graph.node.*"
  ),
  only(
    "heddle",
    "all parameters of the request, not the sampling ones only",
    "openinference/llm */attributes.llm.invocation_parameters#json.*"
  ),
  only("heddle", exception, "openinference/tool post_report/attributes.error.type"),
  only(
    "reference",
    "an instance of a session is a root scope, which is the trace",
    "*/attributes.‹vendor›.session.instance_id"
  ),
  only(
    "reference",
    "severity is a field of the mark",
    "openinference/agent scout/events[configured].attributes.‹vendor›.mark.metadata.nemo_relay.log.severity"
  ),
  only("heddle", "severity is a field of the mark", "*attributes.‹vendor›.mark.severity"),
  only(
    "heddle",
    "the same attributes as on log records",
    "openinference/agent scout/events[configured].attributes.‹vendor›.mark.name"
  ),

  // OpenTelemetry, log records

  only("reference", "the record is no ATOF", "logs/mark configured/attributes.‹vendor›.atof.version")
]
