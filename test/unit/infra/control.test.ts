/** The control channel: for whoever has the key, on this machine, and for nothing that is no action. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ControlClient, ControlError, isLoopback } from "../../../infra/local/control/client.ts";
import { ControlServer } from "../../../infra/local/control/server.ts";
import { openFaultsBed, type FaultsBed } from "./faults-bed.ts";

let bed: FaultsBed;
let server: ControlServer;
let client: ControlClient;

beforeEach(async () => {
  bed = await openFaultsBed();
  server = await ControlServer.open(() => bed.faults);
  client = new ControlClient(server.address);
});

afterEach(async () => {
  await server.close();
  await bed.close();
});

async function post(body: string, key = server.address.key): Promise<{ status: number; error: string }> {
  const response = await fetch(`${server.address.url}/faults`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body,
  });
  return { status: response.status, ...((await response.json()) as { error: string }) };
}

it("does what is asked, says how to undo it, and tells what is broken", async () => {
  expect(await client.perform({ do: "link", one: "eu", other: "us", loss_percent: 30 })).toEqual({
    told: "eu – us: loss 30 %",
    undo: { do: "link", one: "eu", other: "us", one_way: false, loss_percent: 0 },
  });
  await client.perform({ do: "pause", target: "nats", region: "ap" });
  await client.perform({ do: "kill", target: "region", region: "us" });
  await client.perform({ do: "flap-leader", every_ms: 60_000 });
  const whole = { is_cut: false, latency_ms: 0, jitter_ms: 0 };
  expect(await client.faults()).toMatchObject({
    links: [
      { from: "eu", to: "us", ...whole, loss_percent: 30 },
      { from: "us", to: "eu", ...whole, loss_percent: 30 },
    ],
    paused: [{ target: "nats", region: "ap" }],
    stopped: [{ target: "region", region: "us" }],
    flapping: { partition: 0, every_ms: 60_000 },
  });
  expect(await client.perform({ do: "heal" })).toEqual({ told: "healed everything", undo: undefined });
  expect(await client.faults()).toEqual({ links: [], paused: [], stopped: [] });
});

it("tells why something can't be done", async () => {
  const asked = client.perform({ do: "resume", target: "nats", region: "eu" });
  await expect(asked).rejects.toThrow(ControlError);
  await expect(asked).rejects.toThrow("nats eu is not paused");
});

it("refuses whoever does not have the key", async () => {
  const { url, key } = server.address;
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  const stranger = new ControlClient({ url, key: "0".repeat(64) });
  await expect(stranger.perform({ do: "heal" })).rejects.toThrow("key of the control channel is missing");
  expect((await fetch(`${url}/faults`)).status).toBe(401);
  expect(await post('{"do":"kill","target":"nats","region":"eu"}', "")).toMatchObject({ status: 401 });
  expect(bed.done).toEqual([]);
});

it.each([
  ["not JSON", "{", { status: 400, reason: "not JSON" }],
  ["an unknown action", '{"do":"explode"}', { status: 400, reason: "this is no action" }],
  ["an unknown member", '{"do":"heal","all":true}', { status: 400, reason: "this is no action" }],
  [
    "too much loss",
    '{"do":"link","one":"eu","other":"us","loss_percent":130}',
    { status: 400, reason: "no" },
  ],
  ["a body without end", `"${"x".repeat(20_000)}"`, { status: 413, reason: "at most 16384 bytes" }],
])("refuses %s", async (_, body, { status, reason }) => {
  const answer = await post(body);
  expect(answer.status).toBe(status);
  expect(answer.error).toContain(reason);
  expect(bed.faults.broken.links).toEqual([]);
});

it("refuses other methods and paths", async () => {
  const { url, key } = server.address;
  const headers = { authorization: `Bearer ${key}` };
  expect((await fetch(`${url}/faults`, { method: "DELETE", headers })).status).toBe(405);
  expect((await fetch(`${url}/`, { headers })).status).toBe(404);
});

describe("the client", () => {
  it("says that nobody listens any more", async () => {
    await server.close();
    await expect(client.faults()).rejects.toThrow(/does not answer: .*ECONNREFUSED/);
  });

  it.each(["http://10.0.0.1:80", "https://forebay.example", "nonsense", "http://127.0.0.1.example"])(
    "goes nowhere but to this machine: %s",
    (url) => {
      expect(isLoopback(url)).toBe(false);
      expect(() => new ControlClient({ url, key: "k" })).toThrow(/not this machine/);
    },
  );
});
