/**
 * Requests made of the API's own document, right and broken in every parameter, header and body, against a real region: each
 * is answered in time, with a status and a problem code that the document tells of that operation, and gives nothing away.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testSeed } from "../unit/property.ts";
import { startBed, type Bed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { readMetrics } from "./cluster/metrics.ts";
import { documented, operationsOf, requestOf, type Operation, type Shot } from "./fuzz/requests.ts";

const REQUESTS_PER_OPERATION = 60;
const CONCURRENCY = 8;
/** Longer than any deadline that the requests name. */
const HANGS_AFTER_MS = 20_000;
const MEMORY_GROWTH_MAX = 200 * 1024 * 1024;
const DESCRIPTORS_GROWTH_MAX = 64;
/** A stack, a query, a path of the server: none of a client's business. */
const LEAKS =
  /\n\s+at \S|node_modules|\.(?:js|ts):\d+|\b(?:select|insert|update|delete) .+\b(?:from|into|set)\b.+\bwhere\b|pg_catalog|postgres(?:ql)?:\/\//i;
const SCHEMA = {
  fields: {
    displayName: { class: "lww", type: "string" },
    likes: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    stock: { class: "merge", kind: "escrow" },
    status: { class: "authoritative", type: "string" },
  },
};

let bed: Bed;
let url: string;
let operations: readonly Operation[];

beforeAll(async () => {
  bed = await startBed("fuzz-document");
  ({ url } = bed.cluster.region("eu"));
  await createCollection(bed, "users", SCHEMA);
  operations = operationsOf(await (await fetch(`${url}/openapi.json`)).json());
});

afterAll(() => bed?.stop());

async function fire(operation: Operation, shot: Shot): Promise<string[]> {
  const told = `${operation.method} ${shot.path} ${JSON.stringify(shot.headers)} ${String(shot.body).slice(0, 200)}`;
  const response = await fetch(`${url}${shot.path}`, {
    method: operation.method,
    headers: shot.headers,
    ...(shot.body !== undefined && { body: shot.body }),
    signal: AbortSignal.timeout(HANGS_AFTER_MS),
  });
  const text = await response.text();
  const { status } = response;
  const problems = documented(operation, { status, type: response.headers.get("content-type"), text });
  // What a client has sent may come back to it; what it has not sent is looked at.
  if (status >= 400 && LEAKS.test(text.replaceAll(shot.sent, ""))) problems.push("gives something away");
  return problems.map((problem) => `${told} → ${status} ${text.slice(0, 300)}: ${problem}`);
}

async function figures(): Promise<{ memory: number; descriptors: number }> {
  const samples = await readMetrics(url);
  const valueOf = (name: string) => samples.find((sample) => sample.name === name)?.value ?? 0;
  return { memory: valueOf("process_resident_memory_bytes"), descriptors: valueOf("process_open_fds") };
}

describe(`requests made of the API's document, seed ${testSeed()}`, () => {
  it("are answered as it says, in time, and leave nothing behind", async () => {
    const before = await figures();
    const shots = operations.flatMap((operation, index) =>
      fc
        .sample(requestOf(operation), { numRuns: REQUESTS_PER_OPERATION, seed: testSeed() + index })
        .map((shot) => ({ operation, shot })),
    );
    const problems: string[] = [];
    let next = 0;
    const worker = async () => {
      while (next < shots.length) {
        const { operation, shot } = shots[next++]!;
        problems.push(...(await fire(operation, shot)));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    expect(problems.slice(0, 10)).toEqual([]);
    const after = await figures();
    expect(after.memory - before.memory).toBeLessThan(MEMORY_GROWTH_MAX);
    expect(after.descriptors - before.descriptors).toBeLessThan(DESCRIPTORS_GROWTH_MAX);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  }, 300_000);

  it("would show a status and a code that nobody has told of", () => {
    const [operation] = operations;
    const type = "application/problem+json; charset=utf-8";
    const problem = (code: string) => JSON.stringify({ type: `urn:forebay:problem:${code}` });
    expect(documented(operation!, { status: 400, type, text: problem("malformed-request") })).toEqual([]);
    expect(documented(operation!, { status: 500, type, text: problem("internal") })).not.toEqual([]);
    expect(documented(operation!, { status: 400, type, text: problem("no-such-code") })).not.toEqual([]);
    expect(documented(operation!, { status: 400, type: "text/html", text: "<h1>" })).not.toEqual([]);
    expect(documented(operation!, { status: 302, type, text: "{}" })).not.toEqual([]);
  });
});
