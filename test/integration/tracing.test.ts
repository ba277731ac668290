/** A client's trace context goes with its operation through WAL and log into the fold of every region. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  chainsAtOnePosition,
  converged,
  digests,
  eventually,
  startBed,
  withStores,
  type LocalBed,
} from "./cluster/bed.ts";
import { ENTRY_VERSION } from "../../services/protocol/entry-codec.ts";
import { COLLECTION, createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";
import { queryOnce } from "./postgres/server.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const SECRET_VALUE = "the-value-of-a-field-4711";

let bed: LocalBed;
let collector: Server;
let spans: { readonly traceId: string; readonly name: string }[];

beforeAll(async () => {
  spans = [];
  collector = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const body = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: typeof spans }[] }[] };
      spans.push(...body.resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans)));
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  bed = await startBed("tracing", 1, { FOREBAY_TRACE_EXPORT_URL: url });
  await createCollection(bed);
}, 120_000);

afterAll(async () => {
  await bed.stop();
  collector.closeAllConnections();
  collector.close();
});

/** All that the region processes have logged. */
function logLines(): {
  readonly region?: string;
  readonly msg?: string;
  readonly level?: number;
  readonly error?: unknown;
  readonly traceparent?: string;
  readonly operation?: string;
}[] {
  return logText()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as object);
}

function logText(): string {
  const folders = readdirSync(bed.folder, { recursive: true, withFileTypes: true });
  const files = folders.filter((entry) => entry.isFile() && /^(eu|us|ap)\.log$/.test(entry.name));
  expect(files).toHaveLength(3);
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8")).join("\n");
}

async function write(key: string, headers: { [name: string]: string }): Promise<string> {
  const url = `${bed.cluster.region("eu").url}/v1/collections/${COLLECTION}/records/${key}`;
  const body = { set: { last: SECRET_VALUE } };
  const answer = await eventually("eu takes a write", async () => {
    const got = await send(url, { method: "PATCH", headers, body });
    return got?.status === 202 ? got : undefined;
  });
  return answer.body["operation"] as string;
}

const tracedLines = (operation: string) =>
  logLines().filter((line) => line.operation === operation && line.traceparent);

it("is told where it is accepted, published and folded, and exported as spans", async () => {
  await eventually("all regions say what they read", async () =>
    withStores(bed, async (stores) => {
      const { origins } = await stores.get("eu")!.readPositions(0);
      return Object.values(origins).every(({ tick }) => tick?.reads === ENTRY_VERSION) ? true : undefined;
    }),
  );
  const operation = await write("traced", { traceparent: TRACEPARENT });
  const expected = [
    "ap traced fold",
    "eu traced accept",
    "eu traced fold",
    "eu traced publish",
    "us traced fold",
  ];
  await eventually("all regions have told of it", () => {
    const told = tracedLines(operation).map(({ region, msg }) => `${region} ${msg}`);
    return expected.every((line) => told.includes(line)) ? told : undefined;
  });
  expect(new Set(tracedLines(operation).map(({ traceparent }) => traceparent))).toEqual(
    new Set([TRACEPARENT]),
  );
  await eventually("the collector has all spans", () => (spans.length >= 5 ? true : undefined));
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
  expect(new Set(spans.map(({ name }) => name))).toEqual(
    new Set(["forebay accept", "forebay publish", "forebay fold"]),
  );
});

it("of one that the log decides on is told as well", async () => {
  const url = `${bed.cluster.region("us").url}/v1/collections/${COLLECTION}/records/decided`;
  const body = { set: { last: SECRET_VALUE }, authoritative: true };
  const headers = { traceparent: TRACEPARENT };
  const answer = await eventually("us decides", async () => {
    const got = await send(url, { method: "PATCH", headers, body });
    return got?.status === 200 ? got : undefined;
  });
  const operation = answer.body["operation"] as string;
  await eventually("all regions have told of it", () => {
    const told = tracedLines(operation).map(({ region, msg }) => `${region} ${msg}`);
    const folds = ["ap", "eu", "us"].map((region) => `${region} traced fold`);
    return [...folds, "us traced publish"].every((line) => told.includes(line)) ? true : undefined;
  });
});

it("that is none, or malformed, leaves no byte behind", async () => {
  const operation = await write("plain", {});
  const odd = await write("odd", { traceparent: "00-nonsense-01" });
  const rows = await queryOnce<{ id: string; trace: string | null }>(
    bed.cluster.region("eu").postgres.url,
    "select id, trace from wal order by sequence",
  );
  for (const id of [operation, odd]) expect(rows.find((row) => row.id === id)?.trace).toBeNull();
  expect(rows.filter(({ trace }) => trace === TRACEPARENT)).toHaveLength(1);
});

it("changes nothing that is folded: all regions hold the same", async () => {
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await chainsAtOnePosition(stores, 0)).size).toBe(1);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
  });
});

it("no log line has a value of a record or a secret, however much is logged and whatever fails", async () => {
  for (const { name, url } of bed.cluster.regions) {
    const answer = await send(`${url}/v1/log-level`, {
      method: "PUT",
      body: { level: "debug", for_ms: 600_000 },
    });
    expect(`${name} ${answer?.status}`).toBe(`${name} 200`);
  }
  await write("secret", { traceparent: TRACEPARENT.replace(/01$/, "00"), "idempotency-key": "k" });
  await bed.cluster.restartPostgres("us", { mode: "immediate" });
  await eventually("us has told what its database did, and ap tells debug lines", () => {
    const lines = logLines();
    const isTold = lines.some(({ region, error }) => region === "us" && error !== undefined);
    return isTold && lines.some(({ region, level }) => region === "ap" && level === 20) ? true : undefined;
  });
  const text = logText();
  expect(text).toContain("traced accept");
  expect(text).not.toContain(SECRET_VALUE);
  for (const { postgres } of bed.cluster.regions) expect(text).not.toContain(new URL(postgres.url).password);
  expect(text).not.toMatch(/"sessionSecret":"(?!…)/);
});
