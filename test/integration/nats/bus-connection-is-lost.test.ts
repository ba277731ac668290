import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  BusOutcomeUnknownError,
  BusUnavailableError,
  type Bus,
  type BusHandler,
} from "../../../services/ports/bus.ts";
import { openBusBed, type NatsBusBed } from "./bus-bed.ts";
import { eventually } from "./eventually.ts";

const TIMEOUT_MS = 120_000;
/** Longer than the test may take: an outcome that comes does not come from this. */
const NEVER_MS = 10 * TIMEOUT_MS;
const SHORT_MS = 500;

let bed: NatsBusBed;
beforeAll(async () => {
  bed = await openBusBed();
}, TIMEOUT_MS);
afterAll(async () => {
  await bed.close();
}, TIMEOUT_MS);

async function connected(region: string) {
  const { bus, connect } = bed.startProcess(region);
  await connect();
  return bus;
}

const ask = async (bus: Bus, service: string, options: { text?: string; timeoutMs?: number } = {}) => {
  const { text = "a", timeoutMs = SHORT_MS } = options;
  const answer = await bus.request({ region: "us", service, data: Buffer.from(text), timeoutMs });
  return Buffer.from(answer).toString();
};

const echo: BusHandler = (data) => Promise.resolve(data);

describe("a bus whose server is gone", { timeout: TIMEOUT_MS }, () => {
  it("connects in the background, and then serves what was served before", async () => {
    const server = bed.cluster.server("us");
    await server.kill();
    const { bus, connect } = bed.startProcess("us");
    const connecting = connect();
    bus.serve("late", echo);
    await expect(ask(bus, "late")).rejects.toBeInstanceOf(BusUnavailableError);
    await server.start();
    await connecting;
    const eu = await connected("eu");
    expect(await eventually("an answer", () => ask(eu, "late"))).toBe("a");
  });

  it("stops trying to connect when it is told to", async () => {
    const server = bed.cluster.server("ap");
    await server.kill();
    const stop = new AbortController();
    const { bus } = bed.startProcess("ap");
    const connecting = bus.connect(stop.signal);
    stop.abort();
    await connecting;
    await bus.close();
    await expect(ask(bus, "none")).rejects.toBeInstanceOf(BusUnavailableError);
    await server.start();
  });

  it("calls a request that was on its way unknown, refuses others, and sends nothing late", async () => {
    const [eu, us] = [await connected("eu"), await connected("us")];
    const handled: string[] = [];
    us.serve("lost-by-the-requester", (data) => {
      handled.push(Buffer.from(data).toString());
      return Promise.resolve(data);
    });
    const service = "lost-by-the-requester";
    await eventually("an answer", () => ask(eu, service));
    const server = bed.cluster.server("eu");
    // A frozen server takes the request and can't pass it on any more.
    process.kill(server.pid!, "SIGSTOP");
    const outcome = expect(
      ask(eu, service, { text: "underway", timeoutMs: NEVER_MS }),
    ).rejects.toBeInstanceOf(BusOutcomeUnknownError);
    await server.kill();
    await outcome;
    expect(eu.isConnected).toBe(false);
    await expect(ask(eu, service, { text: "late" })).rejects.toBeInstanceOf(BusUnavailableError);
    await server.start();
    expect(await eventually("an answer", () => ask(eu, service, { text: "again" }))).toBe("again");
    expect(handled).not.toContain("late");
  });

  it("serves on with the same handler once the server is back", async () => {
    const [eu, us] = [await connected("eu"), await connected("us")];
    const service = "lost-by-the-server";
    us.serve(service, echo);
    await eventually("an answer", () => ask(eu, service));
    const server = bed.cluster.server("us");
    await server.kill();
    const error: unknown = await ask(eu, service).catch((error: unknown) => error);
    expect(error instanceof BusUnavailableError || error instanceof BusOutcomeUnknownError).toBe(true);
    await server.start();
    expect(await eventually("an answer", () => ask(eu, service))).toBe("a");
  });

  it("forgets what was ended while the server was down", async () => {
    const [eu, us] = [await connected("eu"), await connected("us")];
    const end = us.serve("ended-while-down", echo);
    us.serve("kept", echo);
    await eventually("an answer", () => ask(eu, "ended-while-down"));
    const server = bed.cluster.server("us");
    await server.kill();
    await eventually("a lost connection", async () => (us.isConnected ? undefined : true));
    end();
    await server.start();
    await eventually("an answer", () => ask(eu, "kept"));
    await expect(ask(eu, "ended-while-down")).rejects.toBeInstanceOf(BusUnavailableError);
  });

  it("closes within its deadline while the server is down and a handler hangs", async () => {
    const [eu, us] = [await connected("eu"), await connected("us")];
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    us.serve("hangs", () => {
      begin();
      return new Promise(() => undefined);
    });
    const asking = eventually("a handler that hangs", async () => {
      const error: unknown = await ask(eu, "hangs").catch((error: unknown) => error);
      return error instanceof BusOutcomeUnknownError ? true : undefined;
    });
    await Promise.all([asking, begun]);
    const server = bed.cluster.server("us");
    await server.kill();
    await us.close();
    await expect(ask(us, "hangs")).rejects.toBeInstanceOf(BusUnavailableError);
    await server.start();
  });
});
