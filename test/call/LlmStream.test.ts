import { streamed } from "./Driver.ts"
import { suite } from "./ManagedCallTest.ts"

suite("LlmCall.stream", streamed)
