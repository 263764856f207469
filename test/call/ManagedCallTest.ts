/** What every managed call promises, whatever it carries. */
import { describe } from "@effect/vitest"
import type { Driver } from "./Driver.ts"
import * as Failure from "./FailureTest.ts"
import * as GuardrailSuite from "./GuardrailTest.ts"
import * as InterceptSuite from "./InterceptTest.ts"
import * as Order from "./OrderTest.ts"
import * as RequestSuite from "./RequestTest.ts"
import * as Services from "./ServicesTest.ts"

export const suite = (name: string, driver: Driver) =>
  describe(name, () => {
    Order.suite(driver)
    Failure.suite(driver)
    GuardrailSuite.suite(driver)
    InterceptSuite.suite(driver)
    RequestSuite.suite(driver)
    Services.suite(driver)
  })
