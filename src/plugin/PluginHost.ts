/**
 * What activates documents: all of one or nothing, and one after the other without a gap.
 *
 * A host is a Layer like any other. Give it to `AgentRuntime.layerWith({ policies })`, so that it is released after the
 * runtime has closed and its exporters see the last events:
 *
 * ```ts
 * const Runtime = AgentRuntime.layerWith({
 *   policies: PluginHost.layerFromFiles({ plugins, files: ["heddle.yaml"] })
 * })
 * ```
 *
 * A host reads what it is told to read and nothing else: no directory is searched and no variable obeyed unless
 * `project` or `layerFromEnv` says so.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { layerWith, type RuntimeOptions } from "../AgentRuntime.ts"
import { AgentRuntime } from "../event/internal/runtime.ts"
import { check, type Checked } from "./internal/check.ts"
import { Feed } from "./internal/feed.ts"
import { build, type Failed, type Generation, makeTrunk } from "./internal/generation.ts"
import type { Plugin } from "./Plugin.ts"
import * as PluginConfig from "./PluginConfig.ts"

// models

/**
 * How a host is set up.
 *
 * **Details**
 *
 * - `plugins`: those that documents may name, each kind once.
 * - `drain`: how long the subscribers and resources of a replaced document may go on with what was at work when it was
 *   replaced. Default 5 seconds.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options<P extends Plugin<unknown>> {
  readonly plugins: ReadonlyArray<P>
  readonly drain?: Duration.Input | undefined
}

/**
 * Services that the layers of these plugins need, besides the runtime.
 *
 * @stability experimental
 * @category utility types
 * @since 0.1.0
 */
export type Services<P> = P extends Plugin<infer R> ? R : never

/**
 * A component that is active.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ActiveComponent {
  /** Its place in `components` of the document. */
  readonly index: number
  readonly kind: string
  readonly version: string
}

// errors

/**
 * A document was right, and could not be activated. What had been built of it was released, in reverse order.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class PluginActivationError extends Data.TaggedError("PluginActivationError")<{
  /** Kind of the component. */
  readonly component: string
  /** Where it is in the document, such as `components[0]`. Empty if it was not one of them alone. */
  readonly path: string
  readonly cause: unknown
}> {
  override get message(): string {
    const { cause, component, path } = this
    const reason = cause instanceof Error ? cause.message : String(cause)
    return `component ${component}${path === "" ? "" : ` (${path})`} could not be activated: ${reason}`
  }
}

// service

/**
 * The document that is active.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class PluginHost extends Context.Service<PluginHost, {
  readonly components: Effect.Effect<ReadonlyArray<ActiveComponent>>
  /**
   * Puts another document in the place of the active one, or, without an argument, what now is where that came from.
   *
   * All middleware of both changes places at one moment: calls that are resolved before it run under the old document to
   * their end, later ones under the new. Every event goes to the subscribers of one document: what is at work at that
   * moment to those of the old one, until it ends or `drain` is over, everything else to those of the new one, which get
   * it once the old ones have handed over what they had and are released.
   *
   * A document that is refused or cannot be activated changes nothing. It returns with the change; `settled` waits for
   * the release, and so does the next reload. The ends of scopes that outlive `drain` are for subscribers with `lateEnds`
   * only, as always where the start was somebody else's.
   */
  readonly reload: (document?: unknown) => Effect.Effect<
    void,
    PluginConfig.PluginConfigError | PluginActivationError
  >
  /** Waits until nothing of a replaced document is left. */
  readonly settled: Effect.Effect<void>
}>()("heddle/plugin/PluginHost") {}

// layers

/**
 * Activates a document that is data.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = <P extends Plugin<unknown>>(
  options: Options<P> & { readonly document: unknown }
): Layer.Layer<
  PluginHost,
  PluginConfig.PluginConfigError | PluginActivationError,
  AgentRuntime | Services<P>
> => Layer.effect(PluginHost, make(options, Effect.fromResult(PluginConfig.fromDocument(options.document))))

/**
 * Activates the document in one file, JSON, YAML or TOML.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerFile = <P extends Plugin<unknown>>(options: Options<P> & { readonly path: string }): FileLayer<P> =>
  layerFromFiles({ ...options, files: [options.path] })

/**
 * Activates files laid over one another, as `PluginConfig.fromFiles` does: the project's, then `files` in their order,
 * then `document`.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerFromFiles = <P extends Plugin<unknown>>(
  options: Options<P> & {
    readonly files?: ReadonlyArray<string> | undefined
    readonly project?: string | undefined
    readonly document?: unknown
  }
): FileLayer<P> =>
  Layer.effect(
    PluginHost,
    Effect.gen(function*() {
      const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
      const files = Effect.provideContext(PluginConfig.fromFiles(options), services)
      const { document } = options
      return yield* make(
        options,
        document === undefined ? files : Effect.gen(function*() {
          const low = yield* files
          return PluginConfig.layered(low, yield* Effect.fromResult(PluginConfig.fromDocument(document)))
        })
      )
    })
  )

/**
 * Activates the file that the environment variable `HEDDLE_CONFIG` names, and nothing if it is not set: the only thing
 * that obeys a variable to find a document.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = <P extends Plugin<unknown>>(options: Options<P>): FileLayer<P> =>
  Layer.unwrap(Effect.gen(function*() {
    const provider = yield* ConfigProvider.ConfigProvider
    const file = (yield* Effect.orElseSucceed(provider.load(["HEDDLE_CONFIG"]), () => undefined))?.value
    return layerFromFiles({
      ...options,
      files: file === undefined || file === "" ? [] : [file],
      ...(file === undefined || file === "" ? { document: { version: 1 } } : undefined)
    })
  }))

/**
 * A runtime that is governed by a host, and the host, for applications that reload. Other options are those of
 * `AgentRuntime.layerWith`; `policies` are built before the host.
 *
 * **Example** (A runtime whose document can be reloaded)
 *
 * ```ts
 * const Runtime = PluginHost.layerRuntime(PluginHost.layerFromFiles({ plugins, files: ["heddle.yaml"] }))
 * const reload = Effect.flatMap(PluginHost.PluginHost, (host) => host.reload())
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerRuntime = <E, R, E2 = never, R2 = never>(
  host: Layer.Layer<PluginHost, E, R>,
  options?: RuntimeOptions<E2, R2>
): Layer.Layer<AgentRuntime | PluginHost, E | E2, Exclude<R | R2, AgentRuntime>> =>
  Layer.suspend(() => {
    let found: PluginHost["Service"] | undefined
    const policies = Layer.tap(host, (context) => Effect.sync(() => void (found = Context.get(context, PluginHost))))
    const others: Layer.Layer<never, E2, R2> = options?.policies ?? Layer.empty
    const runtime = layerWith<E | E2, R | R2>({ ...options, policies: Layer.provideMerge(policies, others) })
    // The runtime was built before, and its policies with it.
    return Layer.effect(PluginHost, Effect.sync(() => found!)).pipe(Layer.provideMerge(runtime))
  })

/**
 * Checks a document that is data, and activates nothing.
 *
 * @stability experimental
 * @category validation
 * @since 0.1.0
 */
export const validate = (
  options: { readonly plugins: ReadonlyArray<Plugin<unknown>>; readonly document: unknown }
): Effect.Effect<ReadonlyArray<PluginConfig.Diagnostic>> =>
  Effect.fromResult(PluginConfig.fromDocument(options.document)).pipe(
    Effect.flatMap((layers) => PluginConfig.validate(layers, options.plugins)),
    Effect.catch((error) => Effect.succeed(error.diagnostics))
  )

/**
 * A host of files.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type FileLayer<P> = Layer.Layer<
  PluginHost,
  PluginConfig.PluginConfigError | PluginActivationError,
  AgentRuntime | FileSystem.FileSystem | Path.Path | Services<P>
>

// internal

type Source = Effect.Effect<PluginConfig.Layers, PluginConfig.PluginConfigError>

/** A document that was replaced and is not released yet. */
interface Retiring {
  readonly hurry: Deferred.Deferred<void>
  readonly done: Deferred.Deferred<void>
}

const make = Effect.fnUntraced(function*<P extends Plugin<unknown>>(options: Options<P>, source: Source) {
  const host = yield* Effect.context<Services<P> | AgentRuntime>()
  const runtime = yield* AgentRuntime
  const { kernel } = runtime
  const drain = Duration.fromInputUnsafe(options.drain ?? "5 seconds")
  const permit = yield* Semaphore.make(1)

  const activate = Effect.fnUntraced(function*(
    checked: Checked<Services<P>>,
    before: Generation | undefined,
    restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ) {
    const trunk = before === undefined ? first : yield* makeTrunk
    if (before !== undefined) feed.prepare(trunk)
    const next = yield* build(checked.components, host, trunk, before, restore).pipe(
      Effect.mapError(activationFailed),
      Effect.onError(() => Effect.sync(() => feed.prepare(undefined)))
    )
    // The change itself: no fiber runs in between.
    const duplicate = kernel.registry.swap(next.group, before?.group)
    if (duplicate !== undefined) {
      feed.prepare(undefined)
      yield* Scope.close(next.scope, Exit.void)
      return yield* new PluginActivationError({ component: "entries", path: "", cause: duplicate })
    }
    if (before !== undefined) feed.begin(trunk, kernel.sequence)
    current = next
    return next
  })

  const retire = Effect.fnUntraced(function*(old: Generation, { done, hurry }: Retiring) {
    const isQuiet = kernel.mailboxes.length === 0
    // Without subscribers nobody tells when what is at work has ended.
    yield* Effect.raceAllFirst([
      !isQuiet ? feed.finished : kernel.isAtWork ? Effect.never : Effect.void,
      Effect.sleep(drain),
      Deferred.await(hurry)
    ]).pipe(Effect.interruptible, Effect.exit)
    feed.cut()
    yield* Scope.close(old.scope, Exit.void)
    feed.end()
    if (kernel.mailboxes.length === 0) feed.forget()
    yield* Deferred.succeed(done, undefined)
  }, Effect.uninterruptible)

  const settled = Effect.suspend(() => retiring === undefined ? Effect.void : Deferred.await(retiring.done))

  const finish = Effect.suspend(() =>
    retiring === undefined ? Effect.void : Effect.andThen(Deferred.succeed(retiring.hurry, undefined), settled)
  )

  const first = yield* makeTrunk
  const feed = new Feed(first)
  let retiring: Retiring | undefined = undefined as Retiring | undefined
  let current: Generation | undefined = undefined as Generation | undefined

  yield* feed.run(runtime)
  yield* Effect.addFinalizer((exit) =>
    Effect.andThen(finish, Effect.suspend(() => current === undefined ? Effect.void : Scope.close(current.scope, exit)))
  )
  const initial = yield* checkedOf(yield* source, options.plugins)
  yield* Effect.uninterruptibleMask((restore) => activate(initial, undefined, restore))

  const reload = (document?: unknown) =>
    Semaphore.withPermit(
      permit,
      Effect.gen(function*() {
        const layers = document === undefined
          ? yield* source
          : yield* Effect.fromResult(PluginConfig.fromDocument(document))
        const checked = yield* checkedOf(layers, options.plugins)
        yield* settled
        const before = current
        yield* Effect.uninterruptibleMask((restore) =>
          Effect.gen(function*() {
            yield* activate(checked, before, restore)
            if (before === undefined) return
            retiring = { hurry: yield* Deferred.make<void>(), done: yield* Deferred.make<void>() }
            // Owned by the finalizer of the host, which hurries it and waits for its end.
            yield* Effect.forkDetach(retire(before, retiring))
          })
        )
      })
    ).pipe(Effect.provideContext(host))

  return {
    components: Effect.sync(() => current?.components ?? []),
    reload,
    settled
  }
})

const checkedOf = Effect.fnUntraced(function*<P extends Plugin<unknown>>(
  layers: PluginConfig.Layers,
  plugins: ReadonlyArray<P>
) {
  const checked = yield* check(layers, plugins as ReadonlyArray<Plugin<Services<P>>>)
  const { diagnostics } = checked
  if (diagnostics.some(({ level }) => level === "error")) {
    return yield* new PluginConfig.PluginConfigError({ diagnostics })
  }
  for (const warning of diagnostics) yield* Effect.logWarning(`heddle: ${PluginConfig.format(warning)}`)
  return checked
})

const activationFailed = ({ cause, index, kind }: Failed) =>
  new PluginActivationError({ component: kind, path: `components[${index}]`, cause: Cause.squash(cause) })
