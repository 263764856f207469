/**
 * What every plugin must do, as checks that its author runs on it: it takes what it says it takes, refuses nonsense with
 * the path of what is wrong, comes and goes as a whole, and survives being reloaded and interrupted.
 *
 * **Example** (All checks in a test file)
 *
 * ```ts
 * describe("my plugin", () => {
 *   for (const { name, check } of PluginConformance.suite({ plugin, valid: [{ max_characters: 10 }] })) {
 *     it.effect(name, () => check)
 *   }
 * })
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as AgentRuntime from "../AgentRuntime.ts"
import * as ToolCall from "../call/ToolCall.ts"
import * as Middleware from "../middleware/Middleware.ts"
import * as Plugin from "../plugin/Plugin.ts"
import * as PluginConfig from "../plugin/PluginConfig.ts"
import * as PluginHost from "../plugin/PluginHost.ts"

/**
 * What is checked, and with what.
 *
 * **Details**
 *
 * - `valid`: configurations that the plugin takes, at least one; as many forms of it as there are. They are activated.
 * - `invalid`: configurations that it refuses, each with the path of what is wrong, from the top of the configuration
 *   (`""` for the whole). Nonsense that no plugin takes is tried anyway.
 * - `held`: what is left of the plugin in the outside world, such as open files or sockets; it must be the same after as
 *   before. What is left in the runtime is looked at anyway.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options<R> {
  readonly plugin: Plugin.Plugin<R>
  readonly valid: readonly [unknown, ...ReadonlyArray<unknown>]
  readonly invalid?: ReadonlyArray<{ readonly config: unknown; readonly path: string }> | undefined
  readonly held?: Effect.Effect<unknown, never, R> | undefined
}

/**
 * One check. It fails with what is wrong.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Check<R> {
  readonly name: string
  readonly check: Effect.Effect<void, ConformanceError, R>
}

/**
 * What a plugin does that it should not.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class ConformanceError extends Data.TaggedError("ConformanceError")<{
  readonly kind: string
  readonly problem: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `plugin ${this.kind}: ${this.problem}`
  }
}

/**
 * All checks, to be run one by one.
 *
 * @stability experimental
 * @category checks
 * @since 0.1.0
 */
export const suite = <R>(options: Options<R>): ReadonlyArray<Check<R>> => {
  const { invalid = [], plugin, valid } = options
  const fail = (problem: string, cause?: unknown) => new ConformanceError({ kind: plugin.kind, problem, cause })
  const wrap = (text: string) => (cause: unknown) => fail(`${text}: ${String(cause)}`, cause)
  const documentOf = (config: unknown, ...others: ReadonlyArray<unknown>) => ({
    version: 1,
    components: [{ kind: plugin.kind, config }, ...others]
  })

  const diagnostics = (config: unknown) => PluginHost.validate({ plugins: [plugin], document: documentOf(config) })

  const expectRefusal = (config: unknown, path: string | undefined) =>
    Effect.flatMap(diagnostics(config), (all) => {
      const errors = all.filter(({ level }) => level === "error")
      const shown = textOf(config)
      if (all.some(({ code }) => code === "plugin.defect")) {
        return fail(`it throws on ${shown} instead of refusing it: ${all[0]?.message ?? ""}`)
      }
      if (errors.length === 0) return fail(`it takes ${shown}; expected it to refuse that`)
      if (path === undefined) return Effect.void
      const whole = path === "" ? configPath : `${configPath}.${path}`
      return errors.some((error) => error.path === whole)
        ? Effect.void
        : fail(`it refuses ${shown} at ${errors.map((error) => error.path).join(", ")}; expected ${whole}`)
    })

  /** Runs work under a host, and sees that nothing is left afterwards. */
  const leavingNothing = <E>(
    use: Effect.Effect<unknown, E, R | AgentRuntime.AgentRuntime>
  ): Effect.Effect<void, E | ConformanceError, R> =>
    Effect.gen(function*() {
      const before = yield* options.held ?? Effect.void
      yield* Effect.gen(function*() {
        yield* use
        const left = (yield* Middleware.registrations).map(({ kind, name }) => `${kind} "${name}"`)
        const { kernel } = yield* AgentRuntime.AgentRuntime
        const subscribers = kernel.mailboxes.map(({ options }) => `subscriber "${options.name}"`)
        const all = [...left, ...subscribers]
        if (all.length > 0) return yield* fail(`it leaves behind ${all.join(", ")}`)
      }).pipe(within(AgentRuntime.layerWith({})))
      const after = yield* options.held ?? Effect.void
      if (textOf(before) !== textOf(after)) {
        return yield* fail(`it holds ${textOf(after)} afterwards; expected ${textOf(before)} as before`)
      }
    })

  const hosted = (document: unknown, ...others: ReadonlyArray<Plugin.Plugin>) =>
    PluginHost.layer<Plugin.Plugin<R>>({ plugins: [plugin, ...others], document, drain: 0 })

  /** A call runs, or policy ends it: nothing else. */
  const call = ToolCall.run({ name: "conformance", input: { text: "hello" } }, () => Effect.succeed("done")).pipe(
    Effect.catchTag("CallError", (error) =>
      error.reason._tag === "GuardrailRejected"
        ? Effect.void
        : fail(`a call under it fails as ${error.reason._tag}`, error))
  )

  const activate = (config: unknown) =>
    leavingNothing(
      Effect.andThen(call, Effect.mapError(AgentRuntime.flush, wrap("its subscribers do not keep up"))).pipe(
        within(hosted(documentOf(config))),
        Effect.catch((error) => error instanceof ConformanceError ? error : wrap("it cannot be activated")(error))
      )
    )

  const each = (check: (config: unknown) => Effect.Effect<void, ConformanceError, R>) =>
    Effect.forEach(valid, check, { discard: true })

  return [
    {
      name: "takes each valid configuration, without complaint",
      check: each((config) =>
        Effect.flatMap(diagnostics(config), (all) =>
          all.length === 0
            ? Effect.void
            : fail(`it does not take ${textOf(config)}:\n${all.map(PluginConfig.format).join("\n")}`))
      )
    },
    {
      name: "refuses what is wrong, with the path of it, and never throws",
      check: Effect.gen(function*() {
        for (const { config, path } of invalid) yield* expectRefusal(config, path)
        for (const config of nonsense) yield* expectRefusal(config, undefined)
        yield* expectRefusal({ ...Object(valid[0]), [unknownField]: 1 }, unknownField)
      })
    },
    {
      name: "is described by a JSON Schema",
      check: Effect.try({
        try: () => void PluginConfig.jsonSchema([plugin]),
        catch: wrap("its configuration has no JSON Schema")
      })
    },
    {
      name: "builds nothing before it is activated",
      check: each((config) => leavingNothing(Effect.mapError(plugin.prepare(config), wrap("it cannot be prepared"))))
    },
    { name: "is activated, lets calls run, and releases everything", check: each(activate) },
    {
      name: "is activated twice in a row",
      check: each((config) => Effect.andThen(activate(config), activate(config)))
    },
    {
      name: "is released as a whole when a component after it fails",
      check: each((config) =>
        leavingNothing(
          Effect.matchEffect(
            within(hosted(documentOf(config, { kind: failing.kind }), failing))(Effect.void),
            { onSuccess: () => fail("a component that fails was activated"), onFailure: () => Effect.void }
          )
        )
      )
    },
    {
      name: "is reloaded: into each other valid configuration, out of the document, and back",
      check: leavingNothing(
        Effect.gen(function*() {
          const host = yield* PluginHost.PluginHost
          for (const config of [...valid, ...valid]) {
            yield* Effect.mapError(host.reload(documentOf(config)), wrap("it cannot be reloaded"))
            yield* call
          }
          yield* Effect.mapError(host.reload({ version: 1 }), wrap("it cannot be taken out"))
          yield* call
          yield* Effect.mapError(host.reload(documentOf(valid[0])), wrap("it cannot be put in again"))
          yield* host.settled
        }).pipe(
          within(hosted(documentOf(valid[0]))),
          Effect.catch((error) => error instanceof ConformanceError ? error : wrap("it cannot be activated")(error))
        )
      )
    },
    {
      name: "is released when the program is interrupted",
      check: each((config) =>
        leavingNothing(Effect.gen(function*() {
          const active = yield* Deferred.make<void>()
          const fiber = yield* Effect.forkChild(
            Effect.andThen(Deferred.succeed(active, undefined), Effect.never).pipe(
              within(hosted(documentOf(config)))
            )
          )
          yield* Effect.raceFirst(Deferred.await(active), Effect.exit(Fiber.join(fiber)))
          yield* Fiber.interrupt(fiber)
        }))
      )
    },
    {
      name: "is released when its activation is interrupted",
      check: each((config) =>
        leavingNothing(Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(
            within(hosted(documentOf(config)))(Effect.never)
          )
          yield* Effect.yieldNow
          yield* Fiber.interrupt(fiber)
        }))
      )
    }
  ]
}

/**
 * All checks, one after the other; fails with the first that fails.
 *
 * @stability experimental
 * @category checks
 * @since 0.1.0
 */
export const run = <R>(options: Options<R>): Effect.Effect<void, ConformanceError, R> =>
  Effect.forEach(suite(options), ({ check }) => check, { discard: true })

// internal

/** Each check is a program of its own, with layers of its own. */
const within =
  <ROut, E2, RIn>(layer: Layer.Layer<ROut, E2, RIn>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, RIn | Exclude<R, ROut>> =>
    // @effect-diagnostics-next-line strictEffectProvide:off
    Effect.provide(self, layer, { local: true })

const textOf = (value: unknown): string => JSON.stringify(value)

const configPath = "components[0].config"

const unknownField = "no_plugin_has_a_field_of_this_name"

const nonsense: ReadonlyArray<unknown> = [1, "text", true, [], [{}]]

const failing = Plugin.make({
  kind: "heddle_conformance_failing",
  version: "1.0.0",
  config: Schema.Struct({}),
  layer: () => Layer.effectDiscard(Effect.fail("on purpose"))
})
