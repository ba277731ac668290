/** What a scenario's load must leave behind, against regions that hold too little, too much, or exactly that. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { counterBounds, counterProblems } from "../../../infra/chaos/load.ts";
import { Pace } from "../../../infra/load/pace.ts";
import { StreamRecord, type Outcome } from "../../../infra/load/record.ts";

let server: Server;
let region: { readonly name: string; readonly url: string };
/** By key: the fields of the records that there are. */
let records: Record<string, object>;
let failure: number | undefined;

beforeAll(async () => {
  server = createServer(({ url }, response) => {
    const fields = records[url!.slice("/v1/collections/chaos/records/".length)];
    response.statusCode = failure ?? (fields === undefined ? 404 : 200);
    response.end(JSON.stringify({ fields }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  region = { name: "eu", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  records = {};
  failure = undefined;
});

function recordOf(...outcomes: readonly Outcome[]): StreamRecord {
  const record = new StreamRecord(
    { name: "eu local", region: "eu", class: "local" },
    new Pace({ ratePerSecond: 10, offsetMs: 0 }),
  );
  for (const outcome of outcomes) {
    record.finish(record.begin(), { outcome, detail: "", latencyMs: 1, tries: 1 });
  }
  return record;
}

const RECORDS = [recordOf("succeeded", "refused", "unknown"), recordOf("succeeded", "succeeded")];
const BOUNDS = counterBounds(RECORDS, "run");

it("asks each counter for what was acknowledged, and for no more than what is unknown on top", () => {
  expect([...BOUNDS]).toEqual([
    ["run-0", { lower: 2, upper: 2 }],
    ["run-1", { lower: 1, upper: 1 }],
    ["run-2", { lower: 0, upper: 1 }],
  ]);
});

it("keeps the counters of one run apart from another's, and takes them in turn", () => {
  const outcomes = Array.from({ length: 150 }, (): Outcome => "succeeded");
  const bounds = counterBounds([recordOf(...outcomes)], "other");
  expect(bounds.size).toBe(100);
  expect(bounds.get("other-49")).toEqual({ lower: 2, upper: 2 });
  expect(bounds.get("other-50")).toEqual({ lower: 1, upper: 1 });
  expect([...bounds.keys()].some((key) => BOUNDS.has(key))).toBe(false);
});

it("finds nothing wrong with a region that holds all of it", async () => {
  records = { "run-0": { n: 2 }, "run-1": { n: 1, last: "eu" } };
  expect(await counterProblems(region, BOUNDS)).toEqual([]);
  records["run-2"] = { n: 1 };
  expect(await counterProblems(region, BOUNDS)).toEqual([]);
});

it("tells what a region has lost, and what it has counted twice", async () => {
  records = { "run-0": { n: 1 }, "run-2": { n: 2 } };
  expect(await counterProblems(region, BOUNDS)).toEqual([
    "eu: run-0 holds 1, and 2 was acknowledged",
    "eu: run-1 holds 0, and 1 was acknowledged",
    "eu: run-2 holds 2, and 0 to 1 was acknowledged",
  ]);
});

it("does not take a region that can't be asked for one that holds nothing, or everything", async () => {
  failure = 503;
  await expect(counterProblems(region, BOUNDS)).rejects.toThrow("answers 503");
});
