/** A peer that is not installed. */
export class PeerMissing extends Error {
  readonly specifier: string
  constructor(specifier: string) {
    super(`${specifier} is not installed: \`npm ci --prefix bench\` installs it`)
    this.specifier = specifier
  }
}

/**
 * Loads a package that only `bench/package.json` knows. The shape is what the caller needs of it, since its types may be
 * missing.
 */
export const loadPeer = async <Shape>(specifier: string): Promise<Shape> => {
  try {
    return (await import(specifier)) as Shape
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") throw new PeerMissing(specifier)
    throw error
  }
}
