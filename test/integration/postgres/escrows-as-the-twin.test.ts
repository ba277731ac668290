/** PostgreSQL and the simulated twin, one random story of takes and folds for both: they tell the same at every step. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { WalFullError, type RegionStore, type WalAppend } from "../../../services/ports/region-store.ts";
import { append, NOW_MS, REGION, UNBOUNDED } from "../../contract/region-store/operations.ts";
import { decidedOf, give, move, openFlights, read, take } from "../../contract/region-store/rights.ts";
import type { TestLog } from "../../contract/region-store/test-log.ts";
import { SimulatedDatabase } from "../../simulation/database.ts";
import { SimulatedRegionStore } from "../../simulation/region-store.ts";
import { runInBackground } from "../../simulation/run-in-background.ts";
import { Process, wallClockMs, World } from "../../simulation/world.ts";
import { testSeed } from "../../unit/property.ts";
import { TestServer } from "./server.ts";

const STORIES = 12;
const KEYS = ["a", "b"] as const;

const key = fc.constantFrom(...KEYS);
const region = fc.constantFrom("ap", "eu", "us");
const amount = fc.integer({ min: 1, max: 6 });
const amounts = fc.oneof(
  fc.record({ seats: amount }),
  fc.record({ breakfasts: amount }),
  fc.record({ seats: amount, breakfasts: amount }),
);
const anyMove = fc.tuple(key, fc.constantFrom("seats", "breakfasts"), fc.record({ to: region, amount }));

/** Not an operation yet: each has an id of its own. */
const operation: fc.Arbitrary<() => WalAppend> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(key, amounts).map((given) => () => take(...given)) },
  { weight: 2, arbitrary: fc.tuple(key, amounts).map((given) => () => give(...given)) },
  { weight: 2, arbitrary: anyMove.map((given) => () => move(...given)) },
  { weight: 1, arbitrary: key.map((one) => () => append(one)) },
);
const operations = fc.array(operation, { minLength: 1, maxLength: 5 });

type Step =
  | {
      readonly what: "append";
      readonly operations: readonly (() => WalAppend)[];
      readonly repeats: number;
      readonly rows: number;
    }
  | { readonly what: "fold"; readonly rows: number }
  | { readonly what: "foreign"; readonly origin: string; readonly operations: readonly (() => WalAppend)[] }
  | {
      readonly what: "delete" | "restore" | "reclaim";
      readonly key: string;
      readonly origin: string;
      readonly from: string;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant("append" as const),
      operations,
      repeats: fc.integer({ min: -2, max: 9 }),
      rows: fc.constantFrom(1_000, 1_000, 1_000, 4),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant("fold" as const), rows: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant("foreign" as const),
      origin: fc.constantFrom("ap", "us"),
      operations,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constantFrom("delete" as const, "restore" as const, "restore" as const, "reclaim" as const),
      key,
      origin: region,
      from: region,
    }),
  },
);
const stories = fc.array(step, { minLength: 25, maxLength: 40, size: "max" });

/** One story, told by two stores that get the same operations and the same entries. */
class Story {
  readonly #stores: readonly RegionStore[];
  readonly #logs: readonly TestLog[];
  readonly #appended: WalAppend[] = [];
  readonly statuses = new Set<string>();

  constructor(stores: readonly RegionStore[], logs: readonly TestLog[]) {
    this.#stores = stores;
    this.#logs = logs;
  }

  async take(step: Step): Promise<void> {
    if (step.what === "append") await this.#append(step);
    else if (step.what === "fold") for (const log of this.#logs) await log.foldWal(step.rows);
    else {
      const [log] = this.#logs;
      const { origin } = step;
      const entry =
        step.what === "foreign"
          ? log!.batch(
              origin,
              step.operations.map((make) => make()),
            )
          : decidedOf({ log: log!, key: step.key }, origin, actionOf(step));
      for (const one of this.#logs) await one.fold(entry);
    }
    const [one, other] = await Promise.all(this.#stores.map(stateOf));
    expect(other).toEqual(one);
  }

  async #append({ operations, repeats, rows }: Extract<Step, { what: "append" }>): Promise<void> {
    const fresh = operations.map((make) => make());
    const repeated = this.#appended.at(-1 - repeats);
    const all = repeats >= 0 && repeated !== undefined ? [fresh[0]!, repeated, ...fresh.slice(1)] : fresh;
    const options = { partition: 0, operations: all, nowMs: NOW_MS, ...UNBOUNDED, pendingRowsMax: rows };
    const [one, other] = await Promise.all(
      this.#stores.map((store) =>
        store.append(options).catch((error: unknown) => {
          if (error instanceof WalFullError) return "full" as const;
          throw error;
        }),
      ),
    );
    expect(other).toEqual(one);
    this.#appended.push(...fresh);
    for (const outcome of one === "full" ? [{ status: "full" }] : one!) this.statuses.add(outcome.status);
  }
}

function actionOf({ what, from }: Extract<Step, { what: "delete" | "restore" | "reclaim" }>) {
  if (what === "delete") return { type: what } as const;
  return what === "restore" ? ({ type: what, claims: [] } as const) : ({ type: what, from } as const);
}

async function stateOf(store: RegionStore) {
  const [escrows, { sequence, hlc, pendingRows }] = await Promise.all([
    Promise.all(KEYS.map((one) => read(store, one))),
    store.walHead(0),
  ]);
  return { escrows, sequence, hlc, pendingRows };
}

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);

afterAll(async () => {
  await server.stop();
});

async function tellStory(steps: readonly Step[]): Promise<ReadonlySet<string>> {
  const world = new World(1);
  const database = new SimulatedDatabase(REGION, () => wallClockMs(world));
  const time = runInBackground(world);
  const twin = new SimulatedRegionStore({ database, process: new Process(world, "twin") });
  const postgres = openPostgresStore({ url: await server.createDatabase(), region: REGION });
  try {
    const logs = [await openFlights(twin), await openFlights(postgres)];
    // Their schemas have ids of their own; all that follows is the same entries.
    const story = new Story([twin, postgres], logs);
    for (const one of steps) await story.take(one);
    return story.statuses;
  } finally {
    await postgres.close();
    await time.stop();
  }
}

describe("escrows in PostgreSQL", () => {
  it("are as in the simulated twin, whatever is taken, moved, folded, deleted and reclaimed", async () => {
    const statuses = new Set<string>();
    for (const steps of fc.sample(stories, { seed: testSeed(), numRuns: STORIES })) {
      for (const status of await tellStory(steps)) statuses.add(status);
    }
    // Stories in which something never happens would prove nothing about it.
    expect([...statuses].toSorted()).toEqual(["accepted", "folded", "full", "insufficient", "replayed"]);
  });
});
