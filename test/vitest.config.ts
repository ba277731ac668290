/**
 * Three groups, one after the other. What needs processor time, and what asks one real server or a bare cluster of them,
 * runs two files at a time; whole regions run alone.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));
const ADAPTERS = ["test/integration/{postgres,jetstream,nats}/**/*.test.ts"];

export default defineConfig({
  root,
  test: {
    reporters: ["default", "./test/reporters/summary.ts"],
    projects: [
      {
        test: {
          name: "unit",
          root,
          include: ["test/unit/**/*.test.ts", "test/simulation/**/*.test.ts"],
          testTimeout: 300_000,
          maxWorkers: 2,
          // Loading what they test once per worker, and not once per file, saves a third of their time. A file that mocks a module
          // takes that back, and has all loaded anew.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "adapters",
          root,
          include: ADAPTERS,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "integration",
          root,
          include: ["test/integration/**/*.test.ts", "test/chaos/**/*.test.ts"],
          exclude: ADAPTERS,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
