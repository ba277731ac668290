/** A stream against a server that answers when, how and whether the test says; time is the test's as well. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Pace } from "../../../infra/load/pace.ts";
import type { StreamPlan } from "../../../infra/load/plan.ts";
import { PacedStream } from "../../../infra/load/stream.ts";
import { waitFor } from "../../../infra/local/wait.ts";

const servers: Server[] = [];
const streams: PacedStream[] = [];

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handle: Handle): Promise<string> {
  const server = createServer(handle);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const RATE_PER_SECOND = 100;

/** One request every 10 ms, of the clock that the test moves. */
function streamTo(urls: readonly string[], plan: Partial<StreamPlan> = {}) {
  const clock = { nowMs: 0 };
  const stream = new PacedStream({
    plan: {
      name: "eu.local",
      region: "eu",
      class: "local",
      urls,
      ratePerSecond: RATE_PER_SECOND,
      requests: ["a", "b"].map((key) => ({ method: "PATCH", path: `/${key}`, body: "{}" })),
      ...plan,
    },
    pace: new Pace({ ratePerSecond: RATE_PER_SECOND }),
    now: () => clock.nowMs,
    onOutcome: () => undefined,
  });
  streams.push(stream);
  const settled = () =>
    waitFor(() => (stream.isSettled ? true : undefined), { what: "outcome of all", timeoutMs: 10_000 });
  const results = () =>
    Array.from({ length: stream.record.count }, (_, number) => stream.record.result(number));
  return { clock, stream, settled, results };
}

const ok: Handle = (_, response) => response.writeHead(202, { "content-length": 2 }).end("{}");

const closedPort = async (): Promise<string> => {
  const url = await serve(ok);
  const server = servers.pop()!;
  server.close();
  await once(server, "close");
  return url;
};

describe("a paced stream", () => {
  it("sends what is due, in turn, each under a key of its own", async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(`${request.method} ${request.url} ${String(request.headers["idempotency-key"])}`);
      ok(request, response);
    });
    const { clock, stream, settled, results } = streamTo([url], { idempotencyPrefix: "run" });
    stream.sendDue();
    await settled();
    clock.nowMs = 25;
    stream.sendDue();
    await settled();
    expect(seen.sort()).toEqual(["PATCH /a run-0", "PATCH /a run-2", "PATCH /b run-1"]);
    expect(results().map(({ detail }) => detail)).toEqual(["202", "202", "202"]);
  });

  it("counts latency from when requests were due, so that a server that stalls can't hide it", async () => {
    const held: ServerResponse[] = [];
    const url = await serve((_, response) => void held.push(response));
    const { clock, stream, settled, results } = streamTo([url], { connectionsMax: 1 });
    stream.sendDue();
    await waitFor(() => held[0], { what: "request", timeoutMs: 10_000 });
    clock.nowMs = 1_000;
    // A closed loop would have waited, and found one slow request. In truth a hundred were due meanwhile.
    stream.sendDue();
    const answer = setInterval(() => void held.shift()?.writeHead(202, { "content-length": 0 }).end(), 1);
    await settled();
    clearInterval(answer);
    const latenciesMs = results().map(({ latencyMs }) => latencyMs);
    expect(latenciesMs).toEqual(Array.from({ length: 101 }, (_, number) => 1_000 - number * 10));
  });

  it("sends what comes together in one request where it is told so, and tells what became of each", async () => {
    const bodies: string[] = [];
    const url = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        bodies.push(`${request.method} ${request.url} ${body}`);
        if (request.method === "PATCH") return ok(request, response);
        const problem = { type: "urn:forebay:problem:wal-full", status: 503, retry: "same" };
        const lines = body
          .split("\n")
          .map((_, index) => (index === 1 ? { status: "refused", problem } : { status: "accepted" }));
        const answer = JSON.stringify({ lines });
        response.writeHead(200, { "content-length": answer.length }).end(answer);
      });
    });
    const requests = [{ method: "PATCH", path: "/records/a", key: "a", body: '{"inc":{"n":1}}' }];
    const together = { path: "/import", linesMax: 3, requestsMax: 1 };
    const { clock, stream, settled, results } = streamTo([url], {
      idempotencyPrefix: "run",
      requests,
      together,
    });
    stream.sendDue();
    clock.nowMs = 45;
    stream.sendDue();
    await settled();
    expect(bodies).toEqual([
      'PATCH /records/a {"inc":{"n":1}}',
      `POST /import ${[1, 2, 3].map((number) => `{"id":"run-${number}","key":"a","inc":{"n":1}}`).join("\n")}`,
      'PATCH /records/a {"inc":{"n":1}}',
    ]);
    expect(results().map(({ outcome, detail }) => `${outcome} ${detail}`)).toEqual([
      "succeeded 202",
      "succeeded 200",
      "refused 503 wal-full",
      "succeeded 200",
      "succeeded 202",
    ]);
  });

  it("tells refusals, unknown outcomes and what it could not send apart", async () => {
    const url = await serve((request, response) => {
      if (request.headers["idempotency-key"] === "run-2") return void request.socket.destroy();
      if (request.headers["idempotency-key"] === "run-3") return;
      const isRefused = request.headers["idempotency-key"] === "run-0";
      const code = isRefused ? "no-quorum" : "outcome-unknown";
      const body = `{"type":"urn:forebay:problem:${code}","expires_at_ms":77}`;
      response.writeHead(isRefused ? 503 : 504, { "content-length": body.length }).end(body);
    });
    const options = { idempotencyPrefix: "run", timeoutMs: 500, queueMax: 4 };
    const { clock, stream, settled, results } = streamTo([url], options);
    clock.nowMs = 40;
    stream.sendDue();
    await waitFor(() => (stream.inFlight === 1 ? true : undefined), { what: "answers", timeoutMs: 10_000 });
    clock.nowMs = 600;
    stream.sweep();
    await settled();
    expect(results().map(({ outcome, detail }) => [outcome, detail])).toEqual([
      ["refused", "503 no-quorum"],
      ["unknown", "504 outcome-unknown"],
      ["unknown", "connection closed"],
      ["unknown", "timeout"],
      ["not-sent", "the load's queue was full"],
    ]);
    expect(stream.record.expiresAtMs(1)).toBe(77);
  });

  it("knows that what never had a connection has no effect", async () => {
    const { stream, settled, results } = streamTo([await closedPort()]);
    stream.sendDue();
    await settled();
    expect(results()).toMatchObject([{ outcome: "refused", detail: "ECONNREFUSED", tries: 1 }]);
  });

  it("tries elsewhere where it is told to, and keeps its doubt", async () => {
    const refusing = await serve((_, response) => response.writeHead(503, { "content-length": 0 }).end());
    const breaking = await serve((request) => void request.socket.destroy());
    const good = await serve(ok);
    const tried = async (urls: readonly string[]) => {
      const { stream, settled, results } = streamTo(urls, { triesMax: 2 });
      stream.sendDue();
      await settled();
      const [{ outcome, tries } = { outcome: "none", tries: 0 }] = results();
      return `${outcome} in ${tries}`;
    };
    expect(await tried([await closedPort(), good])).toBe("succeeded in 2");
    expect(await tried([refusing, good])).toBe("succeeded in 2");
    expect(await tried([refusing, refusing])).toBe("refused in 2");
    expect(await tried([breaking, refusing])).toBe("unknown in 2");
  });

  it("reuses connections, and never has more than it may", async () => {
    let open = 0;
    let openMax = 0;
    const url = await serve(ok);
    servers[0]!.on("connection", (socket) => {
      open += 1;
      openMax = Math.max(openMax, open);
      socket.on("close", () => (open -= 1));
    });
    const { clock, stream, settled, results } = streamTo([url], { connectionsMax: 3 });
    clock.nowMs = 1_999;
    stream.sendDue();
    await settled();
    expect(results().filter(({ outcome }) => outcome === "succeeded")).toHaveLength(200);
    expect(openMax).toBe(3);
  });
});
