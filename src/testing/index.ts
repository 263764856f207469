/**
 * Tools for testing programs that run on heddle.
 *
 * @since 0.1.0
 */
export * as EventTree from "./EventTree.ts"
export * as PluginConformance from "./PluginConformance.ts"
export * as ScriptedModel from "./ScriptedModel.ts"
export * as TestRuntime from "./TestRuntime.ts"
