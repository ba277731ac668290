/** The server closes: what is under way is answered, and nothing holds it up beyond the deadline. */
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { RECORD } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";

const DEADLINE_MS = 1_000;

interface Answer {
  readonly status: number;
  readonly connection: string | undefined;
}

function send(
  port: number,
  agent: Agent,
  options: { method: string; path: string; body?: string },
): Promise<Answer> {
  const { body = "", ...rest } = options;
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request({ ...rest, host: "127.0.0.1", port, agent, headers }, (response) => {
      response.resume().on("end", () => {
        resolve({ status: response.statusCode!, connection: response.headers.connection });
      });
    });
    sent.on("error", reject).end(body);
  });
}

async function listen(): Promise<{ rig: Rig; port: number; agent: Agent }> {
  const rig = await buildRig();
  const port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
  return { rig, port, agent: new Agent({ keepAlive: true }) };
}

async function timed(work: Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work;
  return performance.now() - startedAtMs;
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });
}

describe("a server that closes", () => {
  it("answers what is under way, and ends its connection", async () => {
    const { rig, port, agent } = await listen();
    let release = (): void => undefined;
    rig.gateway.hold = new Promise((resolve) => (release = resolve));
    const write = send(port, agent, { method: "PATCH", path: RECORD, body: '{"set":{"name":"x"}}' });
    await expect.poll(() => rig.gateway.writes.length).toBe(1);
    const closing = rig.server.close(DEADLINE_MS);
    setTimeout(release, 100);
    // Whoever kept the connection could send its next request over it in the moment in which it is closed.
    expect(await write).toEqual({ status: 202, connection: "close" });
    expect(await timed(closing)).toBeLessThan(DEADLINE_MS);
  });

  it("is not held up by connections that are kept alive, or that have never asked for anything", async () => {
    const { rig, port, agent } = await listen();
    expect((await send(port, agent, { method: "GET", path: "/livez" })).status).toBe(200);
    const silent = await opened(port);
    expect(await timed(rig.server.close(DEADLINE_MS))).toBeLessThan(DEADLINE_MS + 200);
    silent.destroy();
    agent.destroy();
  });

  it("gives up on requests that outlast the deadline", async () => {
    const { rig, port, agent } = await listen();
    rig.gateway.hold = new Promise(() => undefined);
    const write = send(port, agent, { method: "PATCH", path: RECORD, body: '{"set":{"name":"x"}}' });
    const outcome = write.catch((error: unknown) => (error as Error).message);
    await expect.poll(() => rig.gateway.writes.length).toBe(1);
    expect(await timed(rig.server.close(200))).toBeLessThan(600);
    expect(await outcome).toMatch(/hang up|reset/);
  });

  it("that is only told to leave says so, and goes on serving over connections that end with their answers", async () => {
    const { rig, port, agent } = await listen();
    const read = { method: "GET", path: "/livez" };
    expect((await send(port, agent, read)).connection).toBe("keep-alive");
    rig.server.leave();
    expect((await send(port, agent, { method: "GET", path: "/readyz" })).status).toBe(503);
    for (let times = 0; times < 2; times += 1) {
      expect(await send(port, agent, read)).toEqual({ status: 200, connection: "close" });
    }
    const write = await send(port, agent, { method: "PATCH", path: RECORD, body: '{"set":{"name":"x"}}' });
    expect(write).toEqual({ status: 202, connection: "close" });
    await rig.server.close(DEADLINE_MS);
    agent.destroy();
  });

  it("is unready from the moment on that it is told to", async () => {
    const { rig, port } = await listen();
    const socket = await opened(port);
    const answered = new Promise<string>((resolve) => {
      socket.once("data", (chunk) => resolve(chunk.toString()));
    });
    // A request of which half has arrived is under way.
    socket.write("GET /readyz HTTP/1.1\r\nHost: x\r\n");
    await sleep(50);
    const closing = rig.server.close(DEADLINE_MS);
    socket.write("\r\n");
    expect(await answered).toMatch(/^HTTP\/1.1 503 [^]*the process is stopping/);
    expect(await timed(closing)).toBeLessThan(DEADLINE_MS);
  });
});
