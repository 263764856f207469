export {
  readSpanId,
  readTraceId,
  spanIdOf,
  type TraceContext,
  traceIdOf,
  traceOf
} from "../../scope/internal/traceContext.ts"
