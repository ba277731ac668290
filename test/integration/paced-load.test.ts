/** A whole load on its thread, against a server in this process. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { figuresOf, secondBySecond } from "../../infra/load/figures.ts";
import type { LiveSecond } from "../../infra/load/live.ts";
import { PacedLoad } from "../../infra/load/paced-load.ts";
import type { StreamPlan } from "../../infra/load/plan.ts";

const seen = new Map<string, number>();
const server = createServer((request, response) => {
  const key = String(request.headers["idempotency-key"]);
  seen.set(key, (seen.get(key) ?? 0) + 1);
  const status = request.url === "/refused" ? 503 : 202;
  response.writeHead(status, { "content-length": 2 }).end("{}");
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

function stream(name: string, path: string): StreamPlan {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    name,
    region: "eu",
    class: "local",
    urls: [url],
    ratePerSecond: 50,
    idempotencyPrefix: name,
    requests: [{ method: "PATCH", path, body: "{}" }],
  };
}

describe("a paced load", () => {
  it("remembers every request, and sends each once", async () => {
    seen.clear();
    const load = await PacedLoad.start({
      streams: [stream("good", "/x"), stream("bad", "/refused")],
      secondsMax: 2,
    });
    const live: LiveSecond[] = [];
    load.onSecond((streams) => live.push(...streams));
    const records = await load.ended;
    const [good, bad] = records.map((record) => figuresOf([record]));
    expect(good).toMatchObject({ due: 100, succeeded: 100, waiting: 0 });
    expect(bad).toMatchObject({ due: 100, refused: 100, waiting: 0, failures: { "503": 100 } });
    expect(secondBySecond(records).map(({ due }) => due)).toEqual([100, 100]);
    expect(seen.size).toBe(200);
    expect([...seen.values()].every((times) => times === 1)).toBe(true);
    const told = live
      .filter(({ name }) => name === "good")
      .reduce((sum, { succeeded }) => sum + succeeded, 0);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThanOrEqual(100);
  });

  it("ends when it is told to, on the clock that it shows", async () => {
    const load = await PacedLoad.start({ streams: [stream("short", "/x")], secondsMax: 60 });
    await new Promise<void>((resolve) => load.onSecond(() => resolve()));
    const beforeMs = load.elapsedMs();
    const [record] = await load.stop();
    expect(record!.count).toBeGreaterThan(0);
    expect(record!.dueAtMs(record!.count - 1)).toBeLessThanOrEqual(load.elapsedMs());
    expect(beforeMs).toBeGreaterThanOrEqual(1_000);
  });
});
