import { describe, expect, it } from "vitest";
import type { Collection } from "../../../services/core/schema.ts";
import { Catalog } from "../../../services/gateway/catalog.ts";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";
import { TENANT } from "./bed.ts";

const LOOKUP = { partition: 0, tenant: TENANT, name: "users" };

function collection(version: number, changes: Partial<Collection> = {}): Collection {
  return { tenant: TENANT, name: "users", version, schema: { fields: { a: { class: "lww" } } }, ...changes };
}

/** A catalog over collections that the test holds; each load can be held up. */
function catalogOf(collections: Collection[]) {
  const world = new World(1);
  const state = { loads: 0, collections, gate: Promise.resolve() };
  const readCollections = async (): Promise<Collection[]> => {
    state.loads += 1;
    const found = [...state.collections];
    await state.gate;
    return found;
  };
  const catalog = new Catalog({
    store: { readCollections } as never,
    clock: new SimulatedClock(new Process(world, "test")),
  });
  return { catalog, state, pass: (durationMs: number) => world.run(world.nowMs + durationMs) };
}

function heldUp() {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  return { gate, release };
}

describe("catalog", () => {
  it("loads once for all that ask at once, and again only when it is old", async () => {
    const { catalog, state, pass } = catalogOf([collection(1)]);
    const found = await Promise.all([catalog.find(LOOKUP), catalog.find(LOOKUP), catalog.find(LOOKUP)]);
    expect(found).toEqual([collection(1), collection(1), collection(1)]);
    await pass(4_000);
    await catalog.find(LOOKUP);
    expect(state.loads).toBe(1);
    state.collections = [collection(2)];
    await pass(2_000);
    expect(await catalog.find(LOOKUP)).toEqual(collection(2));
    expect(state.loads).toBe(2);
  });

  it("looks again before it believes that there is no collection, once for all that ask", async () => {
    const { catalog, state } = catalogOf([]);
    const asked = Array.from({ length: 50 }, () => catalog.find(LOOKUP));
    expect(await Promise.all(asked)).toEqual(asked.map(() => undefined));
    expect(state.loads).toBe(1);
    state.collections = [collection(1)];
    expect(await catalog.find(LOOKUP)).toEqual(collection(1));
  });

  it("finds the newest version when it is asked for that", async () => {
    const { catalog, state } = catalogOf([collection(1)]);
    await catalog.find(LOOKUP);
    state.collections = [collection(2)];
    expect(await catalog.find(LOOKUP)).toEqual(collection(1));
    expect(await catalog.findNewest(LOOKUP)).toEqual(collection(2));
    expect(await catalog.find(LOOKUP)).toEqual(collection(2));
    expect(state.loads).toBe(2);
  });

  it("keeps tenants and partitions apart", async () => {
    const { catalog, state } = catalogOf([collection(1), collection(7, { tenant: "other" })]);
    expect(await catalog.find({ ...LOOKUP, tenant: "other" })).toMatchObject({ version: 7 });
    expect(await catalog.find({ ...LOOKUP, tenant: "third" })).toBeUndefined();
    expect(await catalog.list({ partition: 0, tenant: "other" })).toEqual([
      collection(7, { tenant: "other" }),
    ]);
    await catalog.find({ ...LOOKUP, partition: 1 });
    expect(state.loads).toBe(4);
  });

  it("sees its own change at once, also while an older load is on its way", async () => {
    const { catalog, state } = catalogOf([]);
    const older = heldUp();
    state.gate = older.gate;
    const before = catalog.find(LOOKUP);
    state.gate = Promise.resolve();
    state.collections = [collection(1)];
    catalog.forget(0);
    expect(await catalog.find(LOOKUP)).toEqual(collection(1));
    older.release();
    expect(await before).toBeUndefined();
    // What the older load brought must not hide the change again.
    expect(await catalog.find(LOOKUP)).toEqual(collection(1));
  });

  it("asks again after a load that failed", async () => {
    const { catalog, state } = catalogOf([collection(1)]);
    state.gate = Promise.reject(new Error("the database is down"));
    await expect(catalog.find(LOOKUP)).rejects.toThrow("the database is down");
    state.gate = Promise.resolve();
    expect(await catalog.find(LOOKUP)).toEqual(collection(1));
  });
});
