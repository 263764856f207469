import { isRecord } from "../../event/internal/openRecord.ts"
import { field, jsonText, put, putJson } from "./otelAttributes.ts"
import type { Attributes } from "./otelSpan.ts"

/**
 * Documents as flat attributes `<prefix>.<n>.document.…`. They are found in a list, or under one of the usual names; a
 * document is text, or has its text under one of the usual names.
 */
export const putDocuments = (attributes: Attributes, prefix: string, data: unknown): void => {
  documentsIn(data)?.forEach((document: unknown, i) => {
    const at = `${prefix}.${i}.document`
    if (!isRecord(document)) return put(attributes, `${at}.content`, contentOf(document))
    const content = first(document, "content", "text", "pageContent", "page_content", "document")
    put(attributes, `${at}.id`, idOf(document))
    put(attributes, `${at}.content`, contentOf(content ?? document))
    put(attributes, `${at}.score`, scoreOf(document))
    putJson(attributes, `${at}.metadata`, field(document, "metadata"))
  })
}

/**
 * Documents as the GenAI conventions have them (`gen-ai-retrieval-documents.json`): objects with a text `id` and a number
 * `score`, as far as they are known, and whatever else they say.
 */
export const retrievedDocuments = (data: unknown): ReadonlyArray<object> | undefined =>
  documentsIn(data)?.map(retrieved)

const retrieved = (document: unknown): object => {
  if (!isRecord(document)) return { content: contentOf(document) }
  const id = idOf(document)
  const score = scoreOf(document)
  return {
    ...document,
    ...(id === undefined ? undefined : { id: contentOf(id) }),
    ...(typeof score === "number" ? { score } : undefined)
  }
}

const documentsIn = (data: unknown) => listIn(data, "documents", "results", "matches", "hits", "chunks")

const idOf = (document: unknown): unknown => first(document, "id", "document_id", "doc_id")

const scoreOf = (document: unknown): unknown =>
  first(document, "score", "similarity", "relevance_score", "relevanceScore")

/** Texts and their vectors as flat attributes. */
export const putEmbeddings = (attributes: Attributes, input: unknown, output: unknown): void => {
  const at = (i: number) => `embedding.embeddings.${i}.embedding`
  const body = field(input, "body") ?? input
  const asked = typeof body === "string" ? body : first(body, "input", "text") ?? body
  const texts = typeof asked === "string" ? [asked] : listIn(asked, "texts", "inputs")
  texts?.forEach((text: unknown, i) => put(attributes, `${at(i)}.text`, contentOf(text)))
  const vectors = isVector(output) ? [output] : listIn(output, "embeddings", "data", "vectors")
  vectors?.forEach((item: unknown, i) =>
    put(attributes, `${at(i)}.vector`, Array.isArray(item) ? item : first(item, "embedding", "vector", "values"))
  )
}

const isVector = (value: unknown): boolean => Array.isArray(value) && typeof value[0] === "number"

const listIn = (data: unknown, ...keys: ReadonlyArray<string>): ReadonlyArray<unknown> | undefined => {
  if (Array.isArray(data)) return data
  const list = first(data, ...keys)
  return Array.isArray(list) ? list : undefined
}

const first = (value: unknown, ...keys: ReadonlyArray<string>): unknown => {
  for (const key of keys) {
    const found = field(value, key)
    if (found !== undefined && found !== null) return found
  }
  return undefined
}

const contentOf = (value: unknown): string => typeof value === "string" ? value : jsonText(value)
