/** One printable line that shows the beginning of any value. */
import { degrade } from "../../event/internal/degrade.ts"
import { clean } from "./line.ts"

/**
 * JSON of the value's beginning, on one line, at most `width` columns. Never throws, and does work in proportion to
 * `width`, not to the value.
 */
export const preview = (value: unknown, width: number): string =>
  // A string keeps more than can be shown, so that what shows the cut is always the end of the line.
  clean(JSON.stringify(degrade(value, { maxStringLength: width + 32, maxNodes: width, maxChars: width * 8 })), width)
