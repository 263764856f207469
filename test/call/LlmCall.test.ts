import { buffered } from "./Driver.ts"
import { suite } from "./ManagedCallTest.ts"

suite("LlmCall.run", buffered)
