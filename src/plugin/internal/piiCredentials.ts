import { beginsWord, type Find, type Span } from "./piiText.ts"

/** Names whose values are secrets. `token` alone is none: models speak of tokens all day. */
const secretName =
  "pass(?:word|wd|phrase|code)|pwd|(?:client|app|shared|signing|webhook|jwt)[_-]?secret|secret(?:[_-]?(?:key|access[_-]?key|token))?|" +
  "(?:api|access|account|private|encryption|signing|master|auth|service|license)[_-]?key|" +
  "(?:access|auth|refresh|id|session|bot|bearer|api|personal[_-]?access|csrf|xsrf|device|security)[_-]?token|" +
  "passwort|mot[_-]?de[_-]?passe|contrase[ñn]a|senha|пароль|密码|パスワード"

const secretKey = new RegExp(`(?:${secretName}|^(?:proxy-)?authorization|^(?:set-)?cookie|^credentials?)s?$`, "i")
const tokenKey = /(?:^|[_-]|[a-z])tokens?$/i

const assignment = new RegExp(
  `(?:${secretName})(["'\\\\]{0,3}\\s{0,3}(?:=>|:=|=|:|：)\\s{0,3})(["'\`\\\\]{0,3})([^\\s"'\`\\\\,;&)}<>]{4,200})`,
  "gidu"
)

/** Stands for a value, and so hides nothing: variables of shells and templates, and what a redaction has left. */
const stand =
  /^(?:\*+|.{4}\*{4}.{4}|[\d.:*() +-]*\*[\d.:*() +-]*|[a-z]{2}\*+.{4}|.{1,2}\*{3}(?:@|%40).*|x+|\.{3,}|…|\[[\w :.-]*\]?|<[^>]*>?|\$\{?[\w.:-]*\}?|\{\{?[^}]*\}{0,2}|%\w+%?|await|new|yield\*?|null|nil|none|undefined|true|false|string|str|text|required|optional|redacted|hidden|secret|password|your[_-].*|process\.env.*|os\.environ.*|env\..*|import\.meta.*|config\..*|self\..*|this\..*)$/i

/**
 * Values of names that hold secrets: in data, the text under such a key; in a text, what is assigned to such a name. Words
 * that stand for a value are none, and in a text nor is a plain word after a colon, which is mostly prose.
 */
export const findPasswords: Find = (text, { key }) => {
  if (key !== undefined && isSecretUnder(key, text)) return [{ start: 0, end: text.length }]
  const out: Array<Span> = []
  for (const match of text.matchAll(assignment)) {
    const { 1: sign = "", 2: quote = "", 3: value = "" } = match
    const at = match.indices?.[3]
    if (at === undefined || stand.test(value) || /^[([]/.test(text.slice(at[1])) || isCode(value)) continue
    if (quote === "" && isProse(sign, value)) continue
    const end = quote === "" ? at[0] + value.replace(/[.:!?]+$/, "").length : at[1]
    out.push({ start: at[0], end })
  }
  return out
}

const isSecretUnder = (key: string, text: string): boolean => {
  if (text.length < 3 || stand.test(text)) return false
  return secretKey.test(key) || (tokenKey.test(key) && /^\S{16,}$/.test(text) && /\d/.test(text))
}

/** What code has in the place of a value: a call, a way through objects, a pattern, a constant, the name of a variable. */
const isCode = (value: string): boolean =>
  /^(?:[([]|\/.*[([]|[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*\(|[A-Za-z_$][A-Za-z_$]*(?:\??\.[a-zA-Z_$]+)+$|0x[0-9a-f]{1,8}$|[A-Z]+(?:_[A-Z]+)+$)/
    .test(value)

/** A word after a colon, or after a sign with spaces around it, says nothing by its letters alone. */
const isProse = (sign: string, value: string): boolean =>
  (!sign.includes("=") || /^\s.*\s$/s.test(sign)) && !/[\d@#%^*?]|[!$].*\w/.test(value.slice(1)) &&
  !/^\d/.test(value)

/** User and password of a URL (RFC 3986, userinfo), up to the `@`. */
export const findUserinfo: Find = (text) => {
  const out: Array<Span> = []
  const pattern = /([^\s/:@?#"'<>[\]{}$*]{0,128}):([^\s/@?#"'<>[\]{}$*][^\s/@?#"'<>]{0,255})@/y
  for (let at = text.indexOf("://"); at !== -1; at = text.indexOf("://", at + 3)) {
    if (!/[A-Za-z0-9+.-]/.test(text.charAt(at - 1))) continue
    pattern.lastIndex = at + 3
    const found = pattern.exec(text)
    if (found !== null) out.push({ start: at + 3, end: pattern.lastIndex - 1 })
  }
  return out
}

/** What follows `Bearer`, `Basic` and the other schemes of an `Authorization` header (RFC 6750, RFC 7617). */
export const findAuthorization: Find = (text) => {
  const out: Array<Span> = []
  for (const match of text.matchAll(/(Bearer|Basic|Token|ApiKey)[ \t]{1,4}([A-Za-z0-9._~+/-]{8,8192}={0,2})/gid)) {
    const { 1: scheme = "", 2: value = "", index: start } = match
    const at = match.indices?.[2]
    if (at === undefined || !beginsWord(text, start)) continue
    const isHeader = /authorization["'\s:=\\]*$/i.test(text.slice(Math.max(0, start - 24), start))
    const isSecret = /^basic$/i.test(scheme)
      ? isBasic(value)
      : /^bearer$/i.test(scheme)
      ? /\d/.test(value) && (value.length >= 16 || isHeader)
      : isHeader
    if (isSecret) out.push({ start: at[0], end: at[1] })
  }
  return out
}

const isBasic = (value: string): boolean => {
  try {
    return /^[\x20-\x7e\x80-\xff]*:[\x20-\x7e\x80-\xff]*$/.test(atob(value))
  } catch {
    return false
  }
}

/**
 * Words that look drawn at random: at least 20 letters of the alphabets of Base64, both cases and digits, and so many bits
 * for each letter. What is hexadecimal is none: that is how hashes and trace ids are written.
 */
export const findEntropy = (bits: number): Find => (text) => {
  const out: Array<Span> = []
  for (const match of text.matchAll(/[A-Za-z0-9+/_-]{20,512}={0,2}/g)) {
    const { 0: found, index: start } = match
    if (!/\d/.test(found) || !/[a-z]/.test(found) || !/[A-Z]/.test(found)) continue
    if (/^[0-9A-Fa-f-]+$/.test(found) || /^(?:sha\d+-|\/|[0-9A-HJKMNP-TV-Z]{26}$)/.test(found)) continue
    if (publicId.test(found) || /\bW\/"$/.test(text.slice(Math.max(0, start - 4), start))) continue
    if (/sha\d{3}-$/.test(text.slice(Math.max(0, start - 7), start))) continue
    if (entropyOf(found) >= bits) out.push({ start, end: start + found.length })
  }
  return out
}

/** Ids of requests, messages, calls and objects of the model providers and of Stripe; they open nothing. */
const publicId =
  /^(?:call|toolu|srvtoolu|chatcmpl|gen|msg|msgbatch|req|resp|run|step|thread|asst|file|batch|evt|cus|sub|price|prod|item|fc|rs|ws|pk_(?:test|live))[_-]/

/** Shannon entropy, bits for each letter. */
const entropyOf = (text: string): number => {
  const counts = new Map<string, number>()
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
