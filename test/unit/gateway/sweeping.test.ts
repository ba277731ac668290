/** Records whose time is over are forgotten, however many they are. */
import { expect, it } from "vitest";
import { Bed, COLLECTION, CONTEXT, SCHEMA } from "./bed.ts";

const RECORDS = 1_300;
const TTL_MS = 1_000;

it("goes on until all that has expired is gone", async () => {
  const bed = new Bed();
  await bed.startAll({ ...SCHEMA, ttlMs: TTL_MS });
  const { gateway, database } = bed.first;
  const lines = Array.from({ length: RECORDS }, (_, number) => ({
    id: `row-${number}`,
    key: `k${number}`,
    body: { set: { name: "Ada" } },
  }));
  await bed.run(gateway.writeMany({ ...CONTEXT, collection: COLLECTION, lines }));
  await bed.converge();
  await bed.pass(3 * TTL_MS);
  expect(database.records(0)).toHaveLength(RECORDS);
  expect(await bed.run(gateway.sweep())).toBe(RECORDS);
  await bed.pass(100);
  expect(database.records(0)).toHaveLength(0);
  expect(await bed.run(gateway.sweep())).toBe(0);
});
