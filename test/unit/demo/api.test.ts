/** How the demo retries: over regions where that is safe, and in one region where a write may be refused for want of rights. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Api, RefusedError, type RegionAddress } from "../../../infra/demo/retail/api.ts";

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

const servers: Server[] = [];
let asked: string[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  asked = [];
});

/** A region that gives its answers one after the other, and then the last of them for ever. */
async function regionOf(name: string, answers: readonly Answer[]): Promise<RegionAddress> {
  let next = 0;
  const server = createServer((request, response) => {
    asked.push(
      `${name} ${request.method} ${request.url} ${String(request.headers["idempotency-key"] ?? "")}`,
    );
    const { status, body = {} } = answers[Math.min(next++, answers.length - 1)]!;
    request.resume();
    response.writeHead(status, { connection: "close" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return { name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const WRITE = {
  region: "us",
  collection: "products",
  key: "85123A",
  body: { take: { stock: 3 } },
  idempotencyKey: "k",
};
const INSUFFICIENT = {
  status: 409,
  body: { type: "urn:forebay:problem:insufficient", left: { here: 1, total: 8 } },
};

describe("a write", () => {
  it("goes to another region after some failures in the nearest", async () => {
    const regions = [await regionOf("eu", [{ status: 202 }]), await regionOf("us", [{ status: 503 }])];
    const api = new Api(regions);
    await api.write(WRITE);
    expect(api.failovers).toBe(1);
    expect(asked.map((request) => request.slice(0, 2))).toEqual(["us", "us", "us", "us", "eu"]);
  });

  it("of stock stays in its region, under its key, until it is taken", async () => {
    const failures = Array.from({ length: 5 }, () => ({ status: 503 }));
    const regions = [
      await regionOf("eu", [{ status: 202 }]),
      await regionOf("us", [...failures, { status: 202 }]),
    ];
    expect(await new Api(regions).writeHere(WRITE)).toBeUndefined();
    expect(new Set(asked)).toEqual(new Set(["us PATCH /v1/collections/products/records/85123A k"]));
    expect(asked).toHaveLength(6);
  });

  it("of stock tells what is left where it was refused, and fails on any other refusal", async () => {
    const regions = [await regionOf("us", [INSUFFICIENT, { status: 409, body: { status: "rejected" } }])];
    const api = new Api(regions);
    expect(await api.writeHere(WRITE)).toEqual({ here: 1, total: 8 });
    await expect(api.writeHere(WRITE)).rejects.toThrow(RefusedError);
  });
});

describe("escrows", () => {
  it("are none where the record has none, and trouble is no answer", async () => {
    const escrows = { stock: { value: 1, min: 0, rights: { us: 1 } } };
    const region = await regionOf("us", [
      { status: 200, body: { escrows } },
      { status: 404 },
      { status: 503 },
    ]);
    const api = new Api([region]);
    const record = { collection: "products", key: "85123A" };
    expect(await api.escrows(region, record)).toEqual(escrows);
    expect(await api.escrows(region, record)).toBeUndefined();
    await expect(api.escrows(region, record)).rejects.toThrow("us answers 503");
    expect(asked[0]).toContain("us GET /v1/collections/products/records/85123A/escrows");
  });
});
