/** The feed's routes over a feed that the test plays: what is asked of it, and what becomes of connections. */
import { connect as connectTo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { SubscribeRequest } from "../../../services/gateway/feed/feed.ts";
import type { FeedOutlet } from "../../../services/gateway/feed/outlet.ts";
import type { Subscription } from "../../../services/gateway/feed/subscription.ts";
import { makeAdmission } from "../gateway/admissions.ts";
import { codeOf, get } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";

let rig: Rig;
let asked: SubscribeRequest[];
let outlets: FeedOutlet[];

beforeEach(async () => {
  asked = [];
  outlets = [];
  rig = await buildRig({ followersMax: 2 });
  rig.gateway.subscribed = {
    retentionMs: 3_600_000,
    open: async (request, outlet) => {
      asked.push(request);
      outlets.push(outlet);
      throw new GatewayError("starting", "not now");
    },
  };
});
afterEach(() => rig.server.close(100));

const URL = "/v1/changes?collection=users";

describe("GET /v1/changes", () => {
  it("takes keys that are unsettled, repeated or separated by commas, whatever is in them", async () => {
    const keys = ["a", "b,c", "ä/%", "d e", "f&g=h"];
    const encoded = keys.map((key) => encodeURIComponent(key));
    const joined = new URLSearchParams({ unsettled: encoded.join(",") });
    const repeated = new URLSearchParams(encoded.map((key) => ["unsettled", key]));
    for (const query of [joined, repeated]) await get(rig, `${URL}&after=x&${query.toString()}`);
    expect(asked.map(({ unsettled }) => unsettled)).toEqual([keys, keys]);
    await get(rig, URL);
    expect(asked.at(-1)!.unsettled).toBeUndefined();
  });

  it("refuses too many of them, and those that are not encoded", async () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`).join(",");
    expect((await get(rig, `${URL}&unsettled=${many(256)}`)).statusCode).toBe(503);
    for (const wrong of [many(257), "%25", "a,%25zz"]) {
      const response = await get(rig, `${URL}&unsettled=${wrong}`);
      expect([response.statusCode, codeOf(response)]).toEqual([400, "invalid-parameter"]);
    }
    expect(asked).toHaveLength(1);
  });

  it("gives back its place in the process where the client leaves before anything was told", async () => {
    const { admission } = makeAdmission();
    const crowded = await buildRig({ admission });
    crowded.gateway.subscribed = { retentionMs: 1, open: async (_, outlet) => silentUntilLeft(outlet) };
    const port = await crowded.server.listen({ host: "127.0.0.1", port: 0 });
    try {
      const asking = `GET ${URL} HTTP/1.1\r\nHost: x\r\n\r\n`;
      const socket = connectTo(port, "127.0.0.1", () => socket.write(asking));
      await vi.waitFor(() => expect(outlets).toHaveLength(1));
      expect(admission.inFlight.working).toBe(1);
      socket.destroy();
      await vi.waitFor(() => expect(admission.inFlight.working).toBe(0));
    } finally {
      await crowded.server.close(100);
    }
  });
});

/** Nothing changes for as long as its client is there. */
function silentUntilLeft(outlet: FeedOutlet): Subscription {
  outlets.push(outlet);
  const run = () => new Promise<void>((resolve) => outlet.closed.addEventListener("abort", () => resolve()));
  return { run, close: () => undefined, tellPlace: () => undefined } as unknown as Subscription;
}

describe("WS /v1/subscribe", () => {
  const connect = async (port: number) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/subscribe`);
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    const text = JSON.stringify({ type: "subscribe", id: "s", collection: "users" });
    // At once: a moment later the client has heard that it is sent away, and sends nothing.
    socket.on("open", () => socket.send(text));
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    return { socket, closed };
  };

  it("opens nothing for a socket that it sends away, whatever that still sends", async () => {
    const port = await rig.server.listen({ host: "127.0.0.1", port: 0 });
    const first = await connect(port);
    const refused = await Promise.all([connect(port), connect(port)]);
    expect(await Promise.all(refused.map(({ closed }) => closed))).toEqual([1_013, 1_013]);
    await vi.waitFor(() => expect(outlets).not.toHaveLength(0));
    expect(outlets.map(({ closed }) => closed.aborted)).toEqual([false]);
    first.socket.terminate();
    await first.closed;
  });
});
