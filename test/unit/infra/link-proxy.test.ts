import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NO_FAULT } from "../../../infra/local/faults/link-fault.ts";
import { LinkProxies, type LinkProxyOptions } from "../../../infra/local/link-proxy.ts";
import { waitFor } from "../../../infra/local/wait.ts";

const TOPOLOGY = {
  name: "test",
  partitions: 1,
  regions: [{ name: "eu" }, { name: "us" }, { name: "ap" }],
  links: [
    { between: ["eu", "us"] as const, roundTripMs: 40, jitterMs: 20 },
    { between: ["eu", "ap"] as const, roundTripMs: 200, jitterMs: 0 },
  ],
};
const EU_CONNECT = 'CONNECT {"name":"ID-OF-EU"}\r\n';
const EU_INFO = 'INFO {"server_id":"ID-OF-EU","server_name":"eu"}\r\n';
const GREETING = 'INFO {"server_name":"us"}\r\n';
/** Long enough for anything that is not held to arrive on the loopback interface. */
const SETTLE_MS = 60;

/** A dialled connection, with what has come back over it. */
interface Client {
  readonly socket: Socket;
  received: string;
  until(length: number): Promise<string>;
}

let acceptor: Server;
let accepted: Socket[] = [];
let heard = "";
let proxies: LinkProxies;
const clients: Socket[] = [];

beforeEach(async () => {
  accepted = [];
  heard = "";
  acceptor = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => undefined);
    socket.write(GREETING);
    socket.on("data", (bytes) => {
      heard += bytes.toString();
      socket.write(bytes);
    });
  });
  await new Promise<void>((resolve) => acceptor.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  clients.splice(0).forEach((socket) => socket.destroy());
  await proxies.close();
  accepted.forEach((socket) => socket.destroy());
  await new Promise((resolve) => acceptor.close(resolve));
});

async function openProxies(hasLatency: boolean, options: Partial<LinkProxyOptions> = {}): Promise<void> {
  const { port } = acceptor.address() as AddressInfo;
  proxies = await LinkProxies.open({ topology: TOPOLOGY, hasLatency, targetPort: () => port, ...options });
}

function dial(region: string, port = proxies.port(region)): Client {
  const socket = connect({ port, host: "127.0.0.1" });
  clients.push(socket);
  socket.on("error", () => undefined);
  const client: Client = {
    socket,
    received: "",
    until: async (length) => {
      while (client.received.length < length && !socket.closed) {
        await Promise.race([once(socket, "data"), once(socket, "close")]);
      }
      return client.received;
    },
  };
  socket.on("data", (bytes) => (client.received += bytes.toString()));
  return client;
}

/** Dials us as eu and waits until the proxy knows. */
async function dialAsEu(): Promise<Client> {
  const client = dial("us");
  client.socket.write(EU_CONNECT);
  await client.until(GREETING.length);
  client.socket.write(EU_INFO);
  await client.until(GREETING.length + EU_CONNECT.length + EU_INFO.length);
  client.received = "";
  return client;
}

/** Resolves at its end, also when that is a reset, which `once` takes for a failure. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

async function roundTripMs(client: Client): Promise<number> {
  client.received = "";
  const startMs = performance.now();
  client.socket.write("ping");
  await client.until(4);
  return performance.now() - startMs;
}

test("a round trip takes at least as long as the topology says of this very pair", async () => {
  await openProxies(true);
  const client = await dialAsEu();
  for (let round = 0; round < 5; round += 1) {
    expect(await roundTripMs(client)).toBeGreaterThanOrEqual(40);
  }
  expect(proxies.connectionCount("eu", "us")).toBe(1);
});

test("jitter does not reorder the bytes of a connection", async () => {
  await openProxies(true);
  const client = await dialAsEu();
  const sent: string[] = [];
  for (let number = 0; number < 200; number += 1) {
    sent.push(`${number};`);
    client.socket.write(`${number};`);
    if (number % 20 === 0) {
      await sleep(1);
    }
  }
  expect(await client.until(sent.join("").length)).toBe(sent.join(""));
});

test("a cut link holds both directions and delivers all of it, in order, after it heals", async () => {
  await openProxies(false);
  const client = await dialAsEu();
  const before = heard.length;
  proxies.cut("us", "eu");
  client.socket.write("forth");
  accepted[0]?.write("back");
  await sleep(SETTLE_MS);
  expect(heard.length).toBe(before);
  expect(client.received).toBe("");
  proxies.heal("eu", "us");
  expect(await client.until("backforth".length)).toBe("backforth");
  expect(heard.slice(before)).toBe("forth");
});

test("a link that is cut one way still carries the other way", async () => {
  await openProxies(false);
  const client = await dialAsEu();
  const before = heard.length;
  proxies.cut("eu", "us", { oneWay: true });
  client.socket.write("forth");
  accepted[0]?.write("back");
  expect(await client.until(4)).toBe("back");
  await sleep(SETTLE_MS);
  expect(heard.length).toBe(before);
  proxies.heal("eu", "us");
  expect(await client.until("backforth".length)).toBe("backforth");
});

test("other links go on while one is cut", async () => {
  await openProxies(false);
  const client = await dialAsEu();
  proxies.cut("eu", "ap");
  proxies.cut("us", "ap");
  expect(await roundTripMs(client)).toBeGreaterThan(0);
});

test("a known server that dials over a cut link is accepted and hears nothing until it heals", async () => {
  await openProxies(false);
  await dialAsEu();
  proxies.cut("eu", "us");
  const client = dial("us");
  client.socket.write(EU_CONNECT);
  await sleep(SETTLE_MS);
  expect(client.socket.closed).toBe(false);
  expect(client.received).toBe("");
  expect(accepted).toHaveLength(1);
  proxies.heal("eu", "us");
  expect(await client.until(GREETING.length + EU_CONNECT.length)).toBe(GREETING + EU_CONNECT);
});

test("the end of a connection is held by a cut as well, and travels after it heals", async () => {
  await openProxies(false);
  const client = await dialAsEu();
  proxies.cut("eu", "us");
  accepted[0]?.destroy();
  await sleep(SETTLE_MS);
  expect(client.socket.closed).toBe(false);
  proxies.heal("eu", "us");
  await once(client.socket, "close");
});

test("what a cut link holds is bounded: the sender feels back-pressure", async () => {
  await openProxies(false);
  const client = await dialAsEu();
  proxies.cut("eu", "us");
  const bytes = Buffer.alloc(1024 * 1024);
  for (let written = 0; written < 64; written += 1) {
    client.socket.write(bytes);
  }
  await sleep(SETTLE_MS * 5);
  expect(client.socket.writableLength).toBeGreaterThan(8 * bytes.length);
  const before = heard.length;
  proxies.heal("eu", "us");
  while (heard.length - before < 64 * bytes.length) {
    await once(client.socket, "data");
  }
  expect(heard.length - before).toBe(64 * bytes.length);
});

test("a server that is down refuses through the proxy too", async () => {
  const { port } = acceptor.address() as AddressInfo;
  proxies = await LinkProxies.open({ topology: TOPOLOGY, hasLatency: true, targetPort: () => port });
  await new Promise((resolve) => acceptor.close(resolve));
  const client = dial("us");
  client.socket.write(EU_CONNECT);
  await once(client.socket, "close");
  await new Promise<void>((resolve) => acceptor.listen(0, "127.0.0.1", resolve));
});

test("latency can be switched off and on under a connection", async () => {
  await openProxies(true);
  const client = await dialAsEu();
  proxies.setLatency(false);
  expect(await roundTripMs(client)).toBeGreaterThan(0);
  proxies.setLatency(true);
  expect(await roundTripMs(client)).toBeGreaterThanOrEqual(40);
});

test("extra latency comes on top of the topology's, in the direction that it is put on, until it is healed", async () => {
  await openProxies(true);
  const client = await dialAsEu();
  proxies.impair("eu", "us", { latencyMs: 60 });
  expect(await roundTripMs(client)).toBeGreaterThanOrEqual(100);
  proxies.impair("us", "eu", { latencyMs: 50 });
  expect(await roundTripMs(client)).toBeGreaterThanOrEqual(150);
  proxies.setLatency(false);
  expect(await roundTripMs(client)).toBeGreaterThanOrEqual(110);
  expect(proxies.faulty).toEqual([
    { from: "eu", to: "us", fault: { ...NO_FAULT, latencyMs: 60 } },
    { from: "us", to: "eu", fault: { ...NO_FAULT, latencyMs: 50 } },
  ]);
  proxies.setLatency(true);
  proxies.heal("us", "eu");
  expect(proxies.faulty).toEqual([]);
  expect(await roundTripMs(client)).toBeGreaterThanOrEqual(40);
});

test("jitter does not reorder the bytes of a connection either when it is larger than the delay", async () => {
  await openProxies(false);
  const client = await dialAsEu();
  proxies.impair("eu", "us", { latencyMs: 5, jitterMs: 40 });
  proxies.impair("us", "eu", { latencyMs: 5, jitterMs: 40 });
  const sent = Array.from({ length: 200 }, (_, number) => `${number};`);
  for (const [number, text] of sent.entries()) {
    client.socket.write(text);
    if (number % 10 === 0) {
      await sleep(1);
    }
  }
  expect(await client.until(sent.join("").length)).toBe(sent.join(""));
});

test("a lossy link resets its living connections, and no others", async () => {
  await openProxies(false, { lossIntervalMs: 5 });
  const client = await dialAsEu();
  const errors: unknown[] = [];
  client.socket.on("error", (error) => errors.push((error as NodeJS.ErrnoException).code));
  proxies.impair("us", "eu", { lossShare: 1 });
  proxies.impair("ap", "us", { lossShare: 1 });
  await sleep(SETTLE_MS);
  expect(client.socket.closed).toBe(false);
  const bothEnd = Promise.all([closed(client.socket), closed(accepted[0]!)]);
  proxies.impair("eu", "us", { lossShare: 1 });
  await bothEnd;
  expect(errors).toEqual(["ECONNRESET"]);
  await waitFor(() => (proxies.connectionCount("eu", "us") === 0 ? true : undefined), {
    what: "end of the connection in the proxy",
    timeoutMs: 20_000,
  });
});

test("a lossy link resets a new connection with its chance, and carries it else", async () => {
  const fractions = { next: 0.3 };
  await openProxies(false, { lossIntervalMs: 60_000, random: () => fractions.next });
  await dialAsEu();
  proxies.impair("eu", "us", { lossShare: 0.3 });
  expect(await roundTripMs(await dialAsEu())).toBeGreaterThan(0);
  fractions.next = 0.29;
  const client = dial("us");
  client.socket.write(EU_CONNECT);
  await closed(client.socket);
  expect(client.received).toBe("");
  proxies.heal("eu", "us");
  expect(await roundTripMs(await dialAsEu())).toBeGreaterThan(0);
});

test("nothing is reset over a link that is cut: nobody is told", async () => {
  await openProxies(false, { lossIntervalMs: 5 });
  const client = await dialAsEu();
  proxies.cut("us", "eu", { oneWay: true });
  proxies.impair("eu", "us", { lossShare: 1 });
  await sleep(SETTLE_MS);
  expect(client.socket.closed).toBe(false);
  proxies.impair("us", "eu", { isCut: false });
  await closed(client.socket);
});

test.each([
  [{ latencyMs: -1 }, "a link's latency is 0 to 60000 ms, not -1"],
  [{ jitterMs: Number.NaN }, "a link's jitter is 0 to 60000 ms, not NaN"],
  [{ lossShare: 30 }, "a link's loss is a share from 0 to 1, not 30"],
])("refuses %o", async (change, message) => {
  await openProxies(false);
  expect(() => proxies.impair("eu", "us", change)).toThrow(message);
  expect(proxies.faulty).toEqual([]);
});

test("where routes are encrypted the port says who dials: what is cut is held, whatever the bytes are", async () => {
  await openProxies(false, { isEncrypted: true });
  const ports = ["us", "ap"].map((acceptor) => proxies.routePort("eu", acceptor));
  expect(new Set([...ports, proxies.routePort("us", "eu"), proxies.routePort("us", "ap")]).size).toBe(4);
  expect(proxies.routePort("us", "us")).toBe((acceptor.address() as AddressInfo).port);
  const [euToUs] = ports as [number, number];
  const client = dial("us", euToUs);
  client.socket.write("\u0016hello");
  expect(await client.until(GREETING.length + 6)).toContain("\u0016hello");
  expect(proxies.connectionCount("eu", "us")).toBe(1);
  proxies.cut("eu", "us");
  const late = dial("us", euToUs);
  late.socket.write("\u0016later");
  client.socket.write("held");
  const other = dial("ap", proxies.routePort("us", "ap"));
  other.socket.write("\u0016other");
  await other.until(GREETING.length + 6);
  await sleep(SETTLE_MS);
  expect(late.received).toBe("");
  expect(client.received).not.toContain("held");
  proxies.heal("eu", "us");
  expect(await late.until(GREETING.length + 6)).toContain("\u0016later");
  expect(await client.until(GREETING.length + 10)).toContain("held");
});
