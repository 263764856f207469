/** What counts as secret: in the names of files, and in text. */

const secretNames = [
  /^\.env(?:rc)?(?:[.\-_~ :].*)?$/,
  /\.env$/,
  /^(?:\.npmrc|\.yarnrc|\.pypirc|[._]netrc|\.pgpass|\.my\.cnf|\.git-credentials|\.htpasswd|\.dockercfg)$/,
  /^(?:\.git|\.ssh|\.gnupg|\.aws|\.azure|\.kube|\.docker)$/,
  /^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?!.*\.pub$)/,
  /\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/,
  /^(?:credentials|secrets?)(?:\.(?:json|ya?ml|toml|ini|txt))?$/,
  /^service[-_]?account.*\.json$/
]

/** Whether a path, relative to the directory, names a file that holds secrets, or leads through a folder of them. */
export const isSecretPath = (path: string): boolean =>
  path.split(/[\\/]/).some((segment) => {
    // Windows ignores dots and spaces at the end of a name; some file systems ignore case and the form of accents.
    const name = segment.normalize("NFKC").toLowerCase().replace(/[. ]+$/, "")
    return secretNames.some((pattern) => pattern.test(name))
  })

const secretWord = String
  .raw`(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)`

/** Forms that nothing but a secret has. */
const tokens = [
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,16384}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
  /\b(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,}/g,
  /\b(?:gh[pousr]_|github_pat_|glpat-|npm_|hf_|AIza)[A-Za-z0-9_-]{20,}/g,
  /\bxox[abposr]-[A-Za-z0-9-]{10,}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
  /(?<=:\/\/[^/\s:@"']{1,64}:)[^/\s:@"']{1,256}(?=@)/g,
  /(?<=\b(?:bearer|basic) )[A-Za-z0-9+/._~=-]{12,}/gi,
  // password = "…", also inside JSON that is itself text of a JSON value.
  new RegExp(String.raw`(?<=${secretWord}[\w.-]{0,20}\\?["']?\s{0,4}[:=]\s{0,4}\\?["'\`])[^"'\`\\\s]{6,}`, "gi")
]

/** Forms that a secret may have: what observers lose by mistake costs little. */
const suspects = [
  new RegExp(
    String.raw`(?<=${secretWord}[\w.-]{0,20}\\?["']?\s{0,4}[:=]\s{0,4}\\?["'\`]?)[^"'\`\\\s(){}<>,;|]{4,}`,
    "gi"
  ),
  /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,6}\.\p{L}{2,24}/gu
]

/** Whether a text shows a secret. */
export const showsSecret = (text: string): boolean => tokens.some((pattern) => text.search(pattern) >= 0)

const secretKey = new RegExp(`${secretWord}$`, "i")

/** Any JSON value with its secrets and e-mail addresses replaced. */
export const conceal = (value: unknown): unknown => {
  if (typeof value === "string") {
    return [...tokens, ...suspects].reduce((text, pattern) => text.replace(pattern, "[hidden]"), value)
  }
  if (Array.isArray(value)) return value.map(conceal)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      conceal(key),
      typeof item === "string" && secretKey.test(key) ? "[hidden]" : conceal(item)
    ])
  )
}
