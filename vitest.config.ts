import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    sequence: { concurrent: true },
    pool: "forks",
    // The default leaves one core free, which is half of a small CI machine.
    maxWorkers: "100%",
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
