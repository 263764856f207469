/** What every managed call promises, whatever it carries. */
import { describe } from "@effect/vitest"
import type { Driver } from "./Driver.ts"
import * as Failure from "./FailureTest.ts"
import * as Order from "./OrderTest.ts"

export const suite = (name: string, driver: Driver) =>
  describe(name, () => {
    Order.suite(driver)
    Failure.suite(driver)
  })
