import { tool } from "./Driver.ts"
import { suite } from "./ManagedCallTest.ts"

suite("ToolCall.run", tool)
