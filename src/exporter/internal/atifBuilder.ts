/**
 * One trajectory while it grows: events in, and the document when it is asked for. No event is kept.
 *
 * Memory is bounded by steps and bytes: beyond either limit the oldest steps after the beginning are left out, so that
 * how a run began and how it ended stay.
 *
 * @since 0.1.0
 */
import type { Json, LifecycleEvent, Mark, ScopeEnd, ScopeStart } from "../../event/LifecycleEvent.ts"
import * as calls from "./atifCalls.ts"
import { mergeDuplicate, remember } from "./atifDuplicates.ts"
import { Ledger } from "./atifLedger.ts"
import { type Content, readRequest, readResponse, toArguments } from "./atifLlm.ts"
import { get, isObject } from "./atifMessage.ts"
import { metricsOf } from "./atifMetrics.ts"
import { render } from "./atifRender.ts"
import type { Trajectory } from "./atifSchema.ts"
import type { Settings } from "./atifSettings.ts"
import {
  type Call,
  type Doc,
  endExtra,
  type Entry,
  type Fields,
  json,
  type Llm,
  makeDoc,
  makeEntry,
  markOf,
  type MutableFields,
  outcomeOf,
  type Scope,
  type Tool,
  weigh
} from "./atifState.ts"

export class Builder {
  readonly settings: Settings
  readonly root: Doc
  readonly ledger: Ledger
  readonly gaps: Array<Fields> = []
  private readonly scopes = new Map<string, Scope>()

  /** `root` is the start of the agent scope, or of whatever else the document is about. */
  constructor(root: ScopeStart, settings: Settings) {
    this.settings = settings
    this.root = makeDoc(root, undefined, settings.limits)
    this.ledger = new Ledger(settings)
    this.ledger.addDoc(this.root)
    this.open(root, undefined, this.root, undefined, undefined)
  }

  /** Scopes that have not ended. */
  get openScopes(): Iterable<string> {
    return this.scopes.keys()
  }

  add(event: LifecycleEvent): void {
    switch (event._tag) {
      case "ScopeStart":
        if (!this.scopes.has(event.uuid)) this.start(event)
        break
      case "ScopeEnd":
        this.end(event)
        break
      case "Mark":
        this.mark(event)
    }
    if (this.ledger.isFull) this.shrink()
  }

  /** Events that were lost before they came here. */
  gap(data: Json | undefined): void {
    if (isObject(data) && this.gaps.length < maxMarks) this.gaps.push(data)
  }

  /** The document as of now. Nothing may be added after it. */
  finish(): Trajectory {
    for (const doc of this.ledger.docs.values()) {
      for (const llm of doc.openLlms) {
        const extra = this.callExtra(llm, undefined, { status: "open" })
        this.ledger.push(makeEntry(doc, "agent", llm.startedAt ?? 0, { model: llm.model, extra }))
      }
      for (const tool of doc.deferred) this.attach(doc, tool)
      doc.deferred.length = 0
    }
    return render(this)
  }

  // starts

  private start(event: ScopeStart): void {
    const parent = event.parentUuid === undefined ? undefined : this.scopes.get(event.parentUuid)
    const doc = parent?.doc ?? this.root
    switch (event.category) {
      case "agent":
        return calls.isTurn(json(event.metadata, undefined)) && !calls.isTurn(doc.metadata)
          ? this.open(event, parent, doc, undefined, undefined)
          : this.open(event, parent, this.startAgent(event, parent, doc), undefined, undefined)
      case "llm":
        return this.open(event, parent, doc, this.startLlm(event, doc), undefined)
      case "tool":
        return this.open(event, parent, doc, undefined, this.startTool(event, parent, doc))
      default:
        return this.open(event, parent, doc, undefined, undefined)
    }
  }

  private open(event: ScopeStart, parent: Scope | undefined, doc: Doc, llm: Llm | undefined, tool: Tool | undefined) {
    this.scopes.set(event.uuid, {
      uuid: event.uuid,
      parentUuid: event.parentUuid,
      name: event.name,
      startedAt: event.timestamp,
      parent,
      doc,
      llm,
      tool
    })
  }

  private startLlm(event: ScopeStart, doc: Doc): Llm {
    const { hasAudio, limits } = this.settings
    const request = json(event.data, limits)
    const annotated = json(event.profile?.annotatedRequest, limits)
    const body = isObject(request) && "body" in request && "headers" in request ? get(request, "body") : request
    const read = readRequest(annotated, body, hasAudio)
    const model = event.profile?.modelName ?? read.model
    doc.model ??= model
    calls.learnTools(doc, read.tools)
    const user = read.isFresh ? this.userTurn(event, doc, read.message, request) : undefined
    const llm: Llm = {
      uuid: event.uuid,
      parentUuid: event.parentUuid,
      startedAt: event.timestamp,
      request,
      model,
      effort: read.effort,
      metadata: json(event.metadata, limits),
      marks: [],
      user,
      endedAt: undefined,
      entry: undefined,
      isCached: false
    }
    doc.openLlms.add(llm)
    return llm
  }

  private userTurn(event: ScopeStart, doc: Doc, message: Content, request: Json | undefined): Entry {
    const extra: MutableFields = {
      ancestry: this.ancestry(event),
      ...(request === undefined || !this.settings.payloads ? undefined : { llm_request: request })
    }
    return this.ledger.push(makeEntry(doc, "user", event.timestamp, { message, extra }))
  }

  private startTool(event: ScopeStart, parent: Scope | undefined, doc: Doc): Tool {
    const input = json(event.data, this.settings.limits)
    const tool: Tool = {
      uuid: event.uuid,
      parentUuid: event.parentUuid,
      parentName: parent?.name,
      name: event.name,
      id: event.profile?.toolCallId,
      args: toArguments(input),
      startedAt: event.timestamp,
      within: calls.enclosing(parent, doc, (scope) => scope.llm),
      marks: [],
      refs: [],
      end: undefined,
      call: undefined
    }
    doc.openTools.add(tool)
    const call = calls.match(tool, doc.promised)
    if (call !== undefined) this.bind(tool, call)
    else if (tool.within !== undefined || doc.openLlms.size > 0) this.defer(doc, tool)
    else this.attach(doc, tool)
    return tool
  }

  private startAgent(event: ScopeStart, parent: Scope | undefined, around: Doc): Doc {
    const doc = makeDoc(event, around, this.settings.limits)
    this.ledger.addDoc(doc)
    const delegate = calls.delegateOf(doc, around, parent, this.ledger.entries, event.sequence === 0)
    if (delegate !== undefined) delegate.refs.push(event.uuid)
    else {
      const entry = this.ledger.push(makeEntry(around, "agent", event.timestamp, { llmCalls: 0 }))
      const call = calls.standFor(entry, doc)
      this.ledger.charge(entry, weigh(call.args))
    }
    return doc
  }

  // ends

  private end(event: ScopeEnd): void {
    const scope = this.scopes.get(event.uuid)
    this.scopes.delete(event.uuid)
    const parent = event.parentUuid === undefined ? undefined : this.scopes.get(event.parentUuid)
    const doc = scope?.doc ?? parent?.doc ?? this.root
    if (event.category === "llm") this.endLlm(event, scope?.llm ?? calls.unseenLlm(event), doc)
    else if (event.category === "tool") this.endTool(event, scope?.tool, doc)
    else if (doc.uuid === event.uuid) {
      doc.output = json(event.data, this.settings.limits)
      doc.ending = { ...outcomeOf(event), ...endExtra(event, this.settings.limits) }
      this.ledger.chargeDoc(doc)
    }
  }

  private endLlm(event: ScopeEnd, llm: Llm, doc: Doc): void {
    const { limits, payloads, pricing } = this.settings
    doc.openLlms.delete(llm)
    llm.endedAt = event.timestamp
    const annotated = json(event.profile?.annotatedResponse, limits)
    const body = json(event.data, limits)
    const response = readResponse(annotated, body)
    const model = response.model ?? event.profile?.modelName ?? llm.model
    const outcome = outcomeOf(event)
    const metrics = metricsOf(annotated, body, response.model ?? model, pricing)
    const isCached = llm.isCached || calls.saysCached(event)
    const hasAnswer = annotated !== undefined || body !== undefined
    const extra: MutableFields = {
      ...this.callExtra(llm, event, outcome),
      ...endExtra(event, limits),
      ...(body === undefined || !payloads ? undefined : { llm_response: body }),
      ...(isCached ? calls.cachedExtra(metrics, response.reasoning) : undefined)
    }
    doc.model ??= model
    if (isCached) doc.totals.cachedAnswers++
    if (outcome.status === "blocked") doc.totals.blocked++
    const entry = makeEntry(doc, "agent", event.timestamp, {
      message: response.message,
      model,
      extra,
      // Nobody knows whether the model was asked before a guardrail blocked the call.
      llmCalls: isCached ? 0 : outcome.status === "blocked" && !hasAnswer ? undefined : 1,
      ...(isCached ? undefined : { metrics, effort: llm.effort, reasoning: response.reasoning })
    })
    llm.entry = entry
    for (const call of response.calls) entry.calls.push(calls.makeCall(entry, call))
    const twin = mergeDuplicate(
      doc,
      llm,
      (repeated) => this.ledger.remove(repeated),
      (metrics, sign) => calls.count(doc, metrics, sign)
    )
    remember(doc, llm)
    if (twin === undefined) {
      this.ledger.push(entry)
      this.ledger.charge(entry, entry.calls.reduce((sum, call) => sum + weigh(call.args), 0))
      calls.count(doc, metrics === undefined || isCached ? undefined : metrics, 1)
      doc.current = entry
      calls.promise(doc, entry.calls)
    }
    this.adopt(doc, llm)
  }

  private endTool(event: ScopeEnd, started: Tool | undefined, doc: Doc): void {
    const { limits } = this.settings
    const data = json(event.data, limits)
    const annotation = json(event.profile?.["annotatedResult"], limits)
    const outcome = outcomeOf(event)
    if (outcome.status === "blocked") doc.totals.blocked++
    const tool = started ?? calls.unseenTool(event)
    doc.openTools.delete(tool)
    tool.end = {
      timestamp: event.timestamp,
      data,
      outcome,
      extra: {
        ...endExtra(event, limits),
        ...(annotation === undefined ? undefined : { tool_result_annotation: annotation })
      }
    }
    if (started === undefined) {
      const call = calls.match(tool, doc.promised)
      if (call !== undefined) this.bind(tool, call)
      else this.ledger.push(makeEntry(doc, "system", event.timestamp, {})).loose.push(tool)
    }
    const entry = tool.call?.entry
    if (entry !== undefined) this.ledger.charge(entry, weigh(data) + weigh([...tool.marks]))
  }

  /** Tools that ran before their step was there find it now. */
  private adopt(doc: Doc, llm: Llm): void {
    if (doc.deferred.length === 0) return
    for (const tool of doc.deferred.splice(0)) {
      const call = calls.match(tool, doc.promised)
      if (call !== undefined) this.bind(tool, call)
      else if (tool.within === llm || (tool.within === undefined && doc.openLlms.size === 0)) this.attach(doc, tool)
      else doc.deferred.push(tool)
    }
  }

  /** As long as a model call goes on, it may be the one that asked; but not for more tools than can be kept. */
  private defer(doc: Doc, tool: Tool): void {
    if (doc.deferred.push(tool) <= maxDeferred) return
    const oldest = doc.deferred.shift()
    if (oldest !== undefined) this.attach(doc, oldest)
  }

  private bind(tool: Tool, call: Call): void {
    calls.bind(tool, call)
    if (tool.end !== undefined) this.ledger.charge(call.entry, weigh(tool.end.data))
  }

  /** A call that no model asked for stands on the current step, or on one of its own. */
  private attach(doc: Doc, tool: Tool): void {
    const time = tool.startedAt ?? tool.end?.timestamp ?? 0
    const { current } = doc
    const entry = current === undefined || current.isDropped || current.calls.length >= maxCalls
      ? this.ledger.push(makeEntry(doc, "agent", time, { llmCalls: 0 }))
      : current
    // The current step is never left out, so that it must not grow without end.
    if (current?.isDropped === false) doc.current = entry
    calls.bind(tool, calls.addCall(entry, tool))
    this.ledger.charge(entry, weigh(tool.args) + weigh(tool.end?.data))
  }

  // marks

  private mark(event: Mark): void {
    const scope = event.parentUuid === undefined ? undefined : this.scopes.get(event.parentUuid)
    const doc = scope?.doc ?? this.root
    const owner = calls.enclosing(scope, doc, (scope) => scope.llm ?? scope.tool)
    const fields = markOf(event, this.settings.markLimits)
    if (owner !== undefined) {
      if ("isCached" in owner && calls.isCacheHit(event.name, get(fields, "data"))) owner.isCached = true
      if (owner.marks.length < maxMarks) owner.marks.push(fields)
      else this.ledger.leftOut.marks++
      return
    }
    this.ledger.addMark(doc, fields)
  }

  // bookkeeping

  private shrink(): void {
    const { ledger } = this
    ledger.shrink([...this.scopes.values()].map((scope) => scope.doc))
    for (const { tool } of this.scopes.values()) {
      if (tool !== undefined) tool.refs = tool.refs.filter((uuid) => ledger.docs.has(uuid))
    }
  }

  private callExtra(llm: Llm, end: ScopeEnd | undefined, outcome: Fields): MutableFields {
    const { payloads } = this.settings
    return {
      ...(end === undefined ? undefined : { ancestry: this.ancestry(end) }),
      invocation: calls.invocation(llm.uuid, llm.startedAt, end?.timestamp, outcome),
      ...(llm.user !== undefined || llm.request === undefined || !payloads
        ? undefined
        : { llm_request: llm.request }),
      ...(outcome.status === "completed" ? undefined : { outcome }),
      ...(llm.marks.length === 0 ? undefined : { marks: llm.marks })
    }
  }

  private ancestry(event: ScopeStart | ScopeEnd): Fields {
    const parent = event.parentUuid === undefined ? undefined : this.scopes.get(event.parentUuid)
    return calls.ancestry(event.uuid, event.name, event.parentUuid, parent?.name)
  }
}

const maxMarks = 256
const maxDeferred = 1000
/** Calls on one step that nobody asked for. */
const maxCalls = 256
