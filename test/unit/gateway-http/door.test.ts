/** The door over real sockets: what is refused there and how, what is not, and whose place is whose. */
import { Agent, createServer, request } from "node:http";
import { connect, Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Connections } from "../../../services/gateway/http/connections.ts";
import { classOf } from "../../../services/gateway/http/door.ts";
import { enter, makeAdmission, type AdmissionRig } from "../gateway/admissions.ts";
import { codeOf, exchange, RECORD, type Answer } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";

const PROBLEM = "application/problem+json; charset=utf-8";

interface Opened {
  readonly rig: Rig;
  readonly load: AdmissionRig;
  readonly port: number;
  readonly ask: (
    method: string,
    url: string,
    options?: { body?: unknown; headers?: string },
  ) => Promise<Answer>;
}

const opened: Opened[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ rig }) => rig.server.close(100)));
});

/** @param requestsMax 5 are 2 that are worked on, half of one more if it is a read, and 2 that wait. */
async function open(requestsMax = 5): Promise<Opened> {
  const load = makeAdmission({ requestsMax });
  const rig = await buildRig({ admission: load.admission });
  const port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
  const ask: Opened["ask"] = (method, url, { body, headers = "" } = {}) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const content =
      body === undefined ? "" : `Content-Type: application/json\r\nContent-Length: ${text.length}\r\n`;
    const head = `${method} ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}${content}`;
    return exchange(port, `${head}\r\n${text}`);
  };
  const one = { rig, load, port, ask };
  opened.push(one);
  return one;
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error("not within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const WRITE = { body: { set: { name: "Ada" } } };
const DECIDED_WRITE = { body: { inc: { credit: 1 } } };

/** Lets the gateway hold writes until the returned function is called. */
function holdWrites(rig: Rig): () => void {
  let release: () => void = () => undefined;
  rig.gateway.hold = new Promise((resolve) => (release = resolve));
  return release;
}

describe("a request's class", () => {
  it.each([
    ["GET", "/livez", "vital"],
    ["HEAD", "/livez?at=1", "vital"],
    ["GET", "/readyz", "vital"],
    ["GET", "/metrics", "vital"],
    ["GET", "/v1/status", "vital"],
    ["GET", "/openapi.json", "vital"],
    ["GET", "/v1/cluster", "vital"],
    ["GET", "/v1/cluster/history?points=5", "vital"],
    ["GET", "/v1/cluster/live", "vital"],
    ["GET", "/v1/statuses", "read"],
    ["GET", "/v1/collections/c/records/livez", "read"],
    ["GET", "/v1/collections/c/records/a?consistency=local", "read"],
    ["GET", "/v1/collections/c/records/a?consistency=linearizable", "ordered"],
    ["PATCH", "/v1/collections/c/records/a", "write"],
    ["PATCH", "/livez", "write"],
    ["DELETE", "/v1/collections/c/records/a", "ordered"],
    ["POST", "/v1/transactions", "ordered"],
    ["PUT", "/v1/collections/c", "ordered"],
    ["POST", "/v1/drain", "vital"],
    ["DELETE", "/v1/drain", "vital"],
    ["POST", "/v1/leader?", "vital"],
    ["POST", "/v1/log/rebuild", "vital"],
    ["POST", "/v1/log", "ordered"],
    ["POST", "/v1/verify", "vital"],
    ["POST", "/v1/backups", "vital"],
    ["GET", "/v1/backups/0199a1b2/pages?part=records", "read"],
    ["DELETE", "/v1/backups/0199a1b2", "vital"],
    ["POST", "/v1/verifications/0199a1b2/repair", "vital"],
    ["POST", "/v1/verifications/0199a1b2/repair/x", "ordered"],
    ["POST", "/v1/verifications/repair", "ordered"],
    ["GET", "/v1/verifications/0199a1b2", "read"],
    ["POST", "/v1/leaders", "ordered"],
    ["DELETE", "/v1/drain/x", "ordered"],
    ["PUT", "/v1/drain", "ordered"],
    [undefined, "", "ordered"],
  ])("of %s %s is %s", (method, url, kind) => {
    expect(classOf(method, url)).toBe(kind);
  });
});

describe("a server that has all the requests it may have", () => {
  it("refuses a write with the reason and when to come back; answers a read, probes, metrics, status and orders", async () => {
    const { rig, load, ask } = await open();
    const release = holdWrites(rig);
    const writes = [ask("PATCH", RECORD, WRITE), ask("PATCH", RECORD, WRITE)];
    await until(() => load.admission.inFlight.working === 2);
    const refused = await ask("PATCH", RECORD, WRITE);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers).toMatchObject({ "content-type": PROBLEM, "retry-after": "8" });
    expect(JSON.parse(refused.body)).toEqual({
      type: "urn:forebay:problem:overloaded",
      title: "The region has too many requests at once",
      status: 429,
      detail: "the region process has as many requests in flight as it may have; nothing was done",
      retry: "same",
      reason: "requests-in-flight",
    });
    expect(rig.gateway.writes.length).toBe(2);
    const orders = [
      ask("POST", "/v1/drain", { body: {} }),
      ask("DELETE", "/v1/drain"),
      ask("POST", "/v1/leader", { body: { region: "us" } }),
    ];
    expect((await Promise.all(orders)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    for (const url of [RECORD, "/livez", "/readyz", "/metrics", "/v1/status", "/openapi.json"])
      expect([url, (await ask("GET", url)).statusCode]).toEqual([url, 200]);
    release();
    expect((await Promise.all(writes)).map(({ statusCode }) => statusCode)).toEqual([202, 202]);
    expect((await ask("PATCH", RECORD, WRITE)).statusCode).toBe(202);
  });

  it("takes an import on for as many places as its body has bytes, before they have come", async () => {
    const { load, port } = await open(250);
    const head =
      "POST /v1/collections/users/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson";
    const begin = async (more: string, places: number) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(`${head}\r\n${more}\r\n\r\n`));
      await until(() => load.admission.inFlight.working === places);
      socket.destroy();
      await until(() => load.admission.inFlight.working === 0);
    };
    await begin("Content-Length: 10", 1);
    await begin(`Content-Length: ${300 * 1024}`, 5);
    await begin("Transfer-Encoding: chunked", 16);
  });

  it("takes an import that is worth more than it can ever give, as long as there is nobody else", async () => {
    const { load, rig } = await open();
    const lines = Array.from(
      { length: 1_000 },
      (_, n) => `{"id":"${n}","key":"k","set":{"name":"x"}}\n`,
    ).join("");
    const headers = { "content-type": "application/x-ndjson" };
    const answer = await rig.server.app.inject({
      method: "POST",
      url: "/v1/collections/users/import",
      headers,
      payload: lines,
    });
    expect(answer.statusCode).toBe(200);
    await until(() => load.admission.inFlight.working === 0);
  });

  it("goes on taking writes while others wait for the log, as many as may", async () => {
    const { rig, load, ask } = await open();
    const release = holdWrites(rig);
    const waiting = [ask("PATCH", RECORD, DECIDED_WRITE), ask("PATCH", RECORD, DECIDED_WRITE)];
    await until(() => load.admission.inFlight.waiting === 2);
    const refused = await ask("PATCH", RECORD, DECIDED_WRITE);
    expect([refused.statusCode, codeOf(refused)]).toEqual([429, "overloaded"]);
    const removal = await ask("DELETE", RECORD);
    expect([removal.statusCode, JSON.parse(removal.body).reason]).toEqual([429, "requests-waiting"]);
    const local = ask("PATCH", RECORD, WRITE);
    await until(() => load.admission.inFlight.working === 1);
    release();
    expect((await local).statusCode).toBe(202);
    expect((await Promise.all(waiting)).map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    await until(() => load.admission.inFlight.waiting === 0);
  });

  it("keeps a request's place while it is worked on, although its client has gone", async () => {
    const { rig, load, port } = await open();
    const release = holdWrites(rig);
    const body = JSON.stringify(WRITE.body);
    const socket = connect(port, "127.0.0.1", () =>
      socket.write(
        `PATCH ${RECORD} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      ),
    );
    await until(() => rig.gateway.writes.length === 1);
    socket.destroy();
    await new Promise((resolve) => socket.once("close", resolve));
    await until(() => load.admission.inFlight.working === 1);
    release();
    await until(() => load.admission.inFlight.working === 0);
  });

  it("gives places back that no handler has taken: of bodies too large, of paths unknown, of half a request", async () => {
    const { load, port, ask } = await open();
    expect((await ask("PATCH", RECORD, { body: { set: { name: "x".repeat(70_000) } } })).statusCode).toBe(
      413,
    );
    expect((await ask("GET", "/nowhere")).statusCode).toBe(404);
    const socket = connect(port, "127.0.0.1", () =>
      socket.write(`PATCH ${RECORD} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{`),
    );
    await until(() => load.admission.inFlight.working === 1);
    socket.destroy();
    await until(() => load.admission.inFlight.working === 0);
  });
});

describe("refusals", () => {
  it("keep the connection, on which the next request is answered", async () => {
    const { load, port } = await open();
    const writes = enter(load, 2, "write");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports: unknown[] = [];
    const patch = () =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { "content-type": "application/json" };
        const sent = request(
          { method: "PATCH", path: RECORD, host: "127.0.0.1", port, agent, headers },
          (response) => {
            ports.push(response.socket.localPort);
            response.resume().on("end", () => resolve(response.statusCode));
          },
        );
        sent.on("error", reject).end(JSON.stringify(WRITE.body));
      });
    expect(await patch()).toBe(429);
    writes[0]!.leave();
    expect(await patch()).toBe(202);
    expect(new Set(ports).size).toBe(1);
    agent.destroy();
  });

  it("come no faster than answers allow, and all of them soon", async () => {
    const { load, ask } = await open();
    enter(load, 2, "write");
    const asked = Array.from({ length: 100 }, () => ask("PATCH", RECORD, WRITE));
    expect(new Set((await Promise.all(asked)).map(({ statusCode }) => statusCode))).toEqual(new Set([429]));
    expect(load.refused.length).toBe(100);
  });

  it("that are held are answered when the server closes", async () => {
    const { rig, load, ask } = await open();
    enter(load, 2, "write");
    const asked = Array.from({ length: 40 }, () => ask("PATCH", RECORD, WRITE));
    await until(() => load.refused.length === 40);
    await rig.server.close(1_000);
    expect((await Promise.all(asked)).every(({ statusCode }) => statusCode === 429)).toBe(true);
  });
});

describe("connections", () => {
  it("make room for probes where refusals hold them", async () => {
    const dropped: number[] = [];
    const load = makeAdmission({ requestsMax: 5 });
    const { server } = await buildRig({
      admission: load.admission,
      connectionsMax: 10,
      onConnectionDropped: () => dropped.push(1),
    });
    const port = await server.listen({ host: "127.0.0.1", port: 0 });
    enter(load, 2, "write");
    const agent = new Agent({ keepAlive: true });
    const patch = () =>
      new Promise<string | undefined>((resolve, reject) => {
        const sent = request(
          { method: "PATCH", path: RECORD, host: "127.0.0.1", port, agent },
          (response) => void response.resume().on("end", () => resolve(response.headers.connection)),
        );
        sent.on("error", reject).end("{}");
      });
    // The ninth is one too many for refusals to be held.
    const refused = Array.from({ length: 9 }, patch);
    await until(() => load.refused.length === 9);
    expect((await Promise.all(refused)).includes("close")).toBe(true);
    const head = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (let probe = 0; probe < 5; probe += 1) expect((await exchange(port, head)).statusCode).toBe(200);
    expect(dropped).toEqual([]);
    agent.destroy();
    await server.close(100);
  });

  it("are counted once, however often their offers of upgrades are not taken", () => {
    const server = createServer().removeAllListeners("connection");
    const connections = new Connections(10);
    connections.bound(server, () => undefined);
    const sockets = Array.from({ length: 9 }, () => new Socket());
    for (let offer = 0; offer < 20; offer += 1) server.emit("connection", sockets[0]);
    expect(connections.isCrowded).toBe(false);
    for (const socket of sockets) server.emit("connection", socket);
    expect(connections.isCrowded).toBe(true);
    sockets[0]!.emit("close");
    expect(connections.isCrowded).toBe(false);
  });

  it("are dropped beyond the bound, and those on which nothing happens make room before", async () => {
    const dropped: number[] = [];
    const rig = await buildRig({ connectionsMax: 10, onConnectionDropped: () => dropped.push(1) });
    const port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
    const greet = () =>
      new Promise<{ destroy(): void; isClosed(): boolean }>((resolve) => {
        let isClosed = false;
        const socket = connect(port, "127.0.0.1", () =>
          socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"),
        );
        const one = { destroy: () => socket.destroy(), isClosed: () => isClosed };
        socket.on("error", () => undefined);
        socket.once("data", () => resolve(one));
        socket.on("close", () => {
          isClosed = true;
          resolve(one);
        });
      });
    const idle: Awaited<ReturnType<typeof greet>>[] = [];
    for (let count = 0; count < 8; count += 1) idle.push(await greet());
    expect(idle.some((one) => one.isClosed())).toBe(false);
    // The ninth is one too many to leave the others in peace.
    const ninth = await greet();
    await until(() => idle.every((one) => one.isClosed()));
    expect(ninth.isClosed()).toBe(false);
    const release = holdWrites(rig);
    const body = JSON.stringify(WRITE.body);
    const head = `PATCH ${RECORD} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    const busy = Array.from({ length: 9 }, () => exchange(port, `${head}\r\n\r\n${body}`));
    await until(() => rig.gateway.writes.length === 9);
    expect((await greet()).isClosed()).toBe(true);
    expect(dropped.length).toBeGreaterThan(0);
    release();
    await Promise.all(busy);
    ninth.destroy();
    await rig.server.close(100);
  });
});
