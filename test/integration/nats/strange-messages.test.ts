/** Whoever may connect to a server may send anything on the bus's subjects: it must not get far. */
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectOptions } from "../../../services/adapters/nats/address.ts";
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import type { NatsBus } from "../../../services/adapters/nats/bus.ts";
import {
  BusOutcomeUnknownError,
  BusUnavailableError,
  PAYLOAD_BYTES_MAX,
} from "../../../services/ports/bus.ts";
import { openBusBed, type NatsBusBed } from "./bus-bed.ts";
import { eventually } from "./eventually.ts";

const TIMEOUT_MS = 120_000;

let bed: NatsBusBed;
let bus: NatsBus;
/** A client of the same server that is no bus. */
let stranger: NatsConnection;
beforeAll(async () => {
  bed = await openBusBed();
  const process = bed.startProcess("eu");
  bus = process.bus;
  await process.connect();
  stranger = await connect({
    ...connectOptions(bed.cluster.server("eu")),
    ignoreClusterUpdates: true,
  });
}, TIMEOUT_MS);
afterAll(async () => {
  await stranger.close();
  await bed.close();
}, TIMEOUT_MS);

const ask = (service: string) =>
  bus.request({ region: "eu", service, data: Buffer.from("a"), timeoutMs: 10_000 });

describe("strange messages", { timeout: TIMEOUT_MS }, () => {
  it("don't keep a service from answering", async () => {
    const handled: string[] = [];
    bus.serve("strange-requests", (data) => {
      handled.push(Buffer.from(data).toString("latin1"));
      return Promise.resolve(data);
    });
    await eventually("an answer", () => ask("strange-requests"));
    const subject = "forebay.bus.eu.strange-requests";
    const strange = headers();
    strange.set("Forebay-Status", "ok");
    stranger.publish(subject, "without a reply");
    stranger.publish(subject, new Uint8Array(0), { headers: strange });
    stranger.publish(subject, "reply to itself", { reply: subject });
    stranger.publish(subject, Buffer.alloc(2 * PAYLOAD_BYTES_MAX), { reply: subject });
    await stranger.flush();
    expect(Buffer.from(await ask("strange-requests")).toString()).toBe("a");
    expect(handled.every((text) => text.length <= PAYLOAD_BYTES_MAX)).toBe(true);
    expect(handled).not.toContain("without a reply");
  });

  it.each([
    ["has no status", undefined],
    ["has another status", "splendid"],
    ["is empty", ""],
  ])("leave the outcome unknown when an answer %s", async (_, status) => {
    const service = `strange-answers-${status ?? "none"}-`;
    const made = headers();
    if (status !== undefined) made.set("Forebay-Status", status);
    stranger.subscribe(`forebay.bus.eu.${service}`, {
      callback: (_, message) => void message.respond("surprise", { headers: made }),
    });
    await stranger.flush();
    await expect(ask(service)).rejects.toBeInstanceOf(BusOutcomeUnknownError);
  });

  it("are none to the log's stream: it neither stores nor answers what is asked on the bus", async () => {
    const { url } = bed.cluster.server("eu");
    const log = await openJetStreamLog({ url, region: "eu", streamReplicas: 3 });
    await log.ensureStream(0);
    await expect(ask("log")).rejects.toBeInstanceOf(BusUnavailableError);
    expect(await log.inspect(0)).toMatchObject({ lastPosition: 0 });
    await log.close();
  });
});
