/** Keeps what is posted to it, by path. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { gunzipSync } from "node:zlib"

export interface Post {
  readonly path: string
  readonly contentType: string
  readonly body: Uint8Array
}

export const receive = async (): Promise<
  { readonly url: string; readonly posts: ReadonlyArray<Post>; readonly close: () => void }
> => {
  const posts: Array<Post> = []
  const server = createServer((request, response) => {
    const pieces: Array<Uint8Array> = []
    request.on("data", (piece: Uint8Array) => pieces.push(piece))
    request.on("end", () => {
      const raw = Buffer.concat(pieces)
      posts.push({
        path: request.url ?? "",
        contentType: request.headers["content-type"] ?? "",
        body: request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw
      })
      response.writeHead(200, { "content-type": request.headers["content-type"] ?? "" }).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posts, close: () => server.close() }
}
