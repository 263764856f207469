import { beginsWord, endsWord, type Find, type Span } from "./piiText.ts"

/**
 * Forms of keys and tokens as their services publish them: a prefix that nothing else has, then letters of a known
 * alphabet, mostly of a known number. Public halves are not secrets (`pk_` of Stripe, account ids of AWS and Twilio).
 */
const forms: ReadonlyArray<string> = [
  // Clouds
  "(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}", // AWS access key id
  "LTAI[A-Za-z0-9]{20}", // Alibaba access key id
  "AIza[\\w-]{35}", // Google API key
  "GOCSPX-[\\w-]{28}", // Google OAuth client secret
  "ya29\\.[\\w.-]{20,}", // Google OAuth access token
  "1//0[\\w-]{40,}", // Google OAuth refresh token
  "do[opr]_v1_[0-9a-f]{64}", // DigitalOcean
  "tskey-[a-z]+-[\\w-]{16,}", // Tailscale
  "pul-[0-9a-f]{40}", // Pulumi
  "hv[sbr]\\.[\\w-]{24,}", // HashiCorp Vault
  "dp\\.(?:pt|st|ct|sa|scim|audit)\\.[\\w.-]{40,}", // Doppler
  // Code and packages
  "gh[pousr]_[A-Za-z0-9]{36,255}", // GitHub
  "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
  "gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent|oas|ffct|wt)-[\\w.-]{20,}", // GitLab
  "npm_[A-Za-z0-9]{36}",
  "pypi-AgEI[\\w-]{50,}",
  "pypi-AgEN[\\w-]{50,}", // test.pypi.org
  "rubygems_[0-9a-f]{48}",
  "cio[A-Za-z0-9]{32}", // crates.io
  "dckr_(?:pat|oat)_[\\w-]{27,}", // Docker
  "sbp_[0-9a-f]{40}", // Supabase
  "pscale_(?:tkn|pw|oauth)_[\\w.-]{32,}", // PlanetScale
  "sntry[su]_[\\w+/=-]{40,}", // Sentry
  "ATATT3[\\w=-]{100,}", // Atlassian
  "lin_(?:api|oauth)_[A-Za-z0-9]{40,}", // Linear
  "figd_[\\w-]{40,}", // Figma
  "ntn_[A-Za-z0-9]{40,}", // Notion
  "PMAK-[0-9a-f]{24}-[0-9a-f]{34}", // Postman
  // Models
  "sk-ant-[a-z]{3,5}\\d\\d-[\\w-]{20,}", // Anthropic
  "sk-or-v1-[0-9a-f]{64}", // OpenRouter
  "sk-lf-[0-9a-f-]{36}", // Langfuse
  "sk-(?:proj|svcacct|admin|None)-[\\w-]{20,}", // OpenAI
  "sk-[A-Za-z0-9]{20,}", // OpenAI, DeepSeek and those that copied the form
  "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", // LangSmith
  "hf_[A-Za-z]{34}", // Hugging Face
  "gsk_[A-Za-z0-9]{52}", // Groq
  "xai-[A-Za-z0-9]{80}",
  "pplx-[A-Za-z0-9]{48}", // Perplexity
  "r8_[A-Za-z0-9]{37}", // Replicate
  "nvapi-[\\w-]{64}", // NVIDIA
  "tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}", // Tavily
  "pcsk_[A-Za-z0-9]{4,6}_[A-Za-z0-9]{60,}", // Pinecone
  // Messages, money, monitoring
  "xox[abeoprs]-[A-Za-z0-9-]{10,}", // Slack
  "xapp-\\d-[A-Z0-9]+-\\d+-[a-z0-9]+",
  "(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}", // Stripe
  "whsec_[A-Za-z0-9+/]{32,}={0,2}",
  "sq0(?:atp|csp)-[\\w-]{22,43}", // Square
  "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", // Shopify
  "SG\\.[\\w-]{22}\\.[\\w-]{43}", // SendGrid
  "key-[0-9a-f]{32}", // Mailgun
  "\\d{8,10}:AA[\\w-]{33}", // Telegram bot
  "[MNO][A-Za-z\\d_-]{23,25}\\.[\\w-]{6}\\.[\\w-]{27,38}", // Discord bot
  "NRAK-[A-Z0-9]{27}", // New Relic
  "glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}", // Grafana
  "glc_[A-Za-z0-9+/]{32,}={0,3}",
  "dapi[0-9a-f]{32}(?:-\\d)?", // Databricks
  "AGE-SECRET-KEY-1[A-Z0-9]{58}"
]

const anyForm = new RegExp(`(?:(?<![A-Za-z0-9])|(?<=\\\\[nrtbfv]))(?:${forms.join("|")})`, "g")

/** Paths that are the secret themselves, and values that have a form only where they are used. */
const inContext = new RegExp(
  [
    "hooks\\.slack\\.com/(?:services|workflows|triggers)/(?<slack>[A-Za-z0-9+/]{24,})",
    "discord(?:app)?\\.com/api/(?:v\\d+/)?webhooks/(?<discord>\\d{17,20}/[\\w-]{60,})",
    "AccountKey=(?<azure>[A-Za-z0-9+/]{86}==)",
    "[?&;]sig=(?<sas>[A-Za-z0-9%+/]{43,}(?:%3D|=)?)",
    "X-Amz-Signature=(?<amz>[0-9a-f]{64})"
  ].join("|"),
  "gd"
)

/** Keys and tokens of services. */
export const findTokens: Find = (text) => {
  const out: Array<Span> = []
  for (const match of text.matchAll(anyForm)) {
    const end = match.index + match[0].length
    const found = match[0].replace(/[.-]+$/, "")
    if (endsWord(text, end)) out.push({ start: match.index, end: match.index + found.length })
  }
  for (const match of text.matchAll(inContext)) {
    for (const span of Object.values(match.indices?.groups ?? {})) {
      if (span !== undefined) out.push({ start: span[0], end: span[1] })
    }
  }
  return out
}

/** Signed and encrypted tokens of RFC 7519: the first part decodes to a header that names an algorithm. */
export const findJwts: Find = (text) => {
  const out: Array<Span> = []
  for (
    const match of text.matchAll(
      /(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbfv]))eyJ([A-Za-z0-9_-]{10,2000})\.([A-Za-z0-9_-]{0,20000})(?:\.[A-Za-z0-9_-]{0,20000}){1,3}/g
    )
  ) {
    const { index: start, 0: found, 1: rest } = match
    if (beginsWord(text, start) && namesAlgorithm(`eyJ${rest ?? ""}`)) out.push({ start, end: start + found.length })
  }
  return out
}

const namesAlgorithm = (header: string): boolean => {
  try {
    return /"alg"\s*:/.test(atob(header.replaceAll("-", "+").replaceAll("_", "/")))
  } catch {
    return false
  }
}

/** UTF-16 units of a private key: as many as one of 16384 bits has, twice. */
const maxPem = 32_768

/** Private keys in the text form of RFC 7468 and of OpenPGP, also with escaped line ends, whole or cut. */
export const findPems: Find = (text) => {
  const out: Array<Span> = []
  let from = 0
  for (;;) {
    const start = text.indexOf("-----BEGIN ", from)
    if (start === -1) return out
    const label = /^-----BEGIN ((?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?)-----/.exec(
      text.slice(start, start + 96)
    )
    from = start + 11
    if (label === null) continue
    const body = start + label[0].length
    const tail = `-----END ${label[1] ?? ""}-----`
    const close = text.slice(body, body + maxPem).indexOf(tail)
    const end = close === -1 ? endOfBody(text, body) : body + close + tail.length
    out.push({ start, end })
    from = end
  }
}

/** Of a key that was cut: as far as its headers and its lines of Base64 go. */
const endOfBody = (text: string, from: number): number => {
  const pattern = /(?:(?:\s|\\[nr])*[A-Z][A-Za-z-]{1,40}: [^\n\\]{0,200})*(?:[A-Za-z0-9+/=]|[\r\n]+[ \t]*|\\[nr])*/y
  pattern.lastIndex = from
  return from + (pattern.exec(text)?.[0].trimEnd().length ?? 0)
}
