/** A lease renews itself, and says so as soon as it may be another's: never later than the log may give it away. */
import { describe, expect, it } from "vitest";
import { createClient, LeaseLostError } from "../../../services/client/index.ts";
import { problem, SimulatedWorld, type Asked, type Behaviour } from "./simulated.ts";

const TTL_MS = 3_000;

/** Grants, and keeps until when the lease is held by the log's time, which is that of the request's arrival. */
class LeaseServer {
  behaviour: "works" | "hangs" | "refuses" | "is held" = "works";
  heldUntilMs = 0;
  grants = 0;

  readonly world: SimulatedWorld = new SimulatedWorld((asked) => this.#behave(asked));

  #behave({ method, body }: Asked): Behaviour {
    if (this.behaviour === "hangs") return "hang";
    if (this.behaviour === "is held")
      return problem("lease-held", 409, { position: { partition: 0, sequence: 1 } });
    if (this.behaviour === "refuses") return problem("lease-lost", 409, { retry: "never" });
    if (method === "DELETE") return { body: { operation: "id", status: "committed" } };
    this.heldUntilMs = this.world.nowMs + TTL_MS;
    if (!("token" in (JSON.parse(body!) as object))) this.grants += 1;
    return { body: { result: { token: String(this.grants), expires_at_ms: this.heldUntilMs } }, delayMs: 20 };
  }
}

async function acquire(server: LeaseServer) {
  const client = createClient({ regions: { eu: "http://eu" }, platform: server.world.platform });
  const lease = await server.world.until(client.lease("job", { ttlMs: TTL_MS, holder: "me" }));
  return { client, lease };
}

describe("a lease", () => {
  it("is held for as long as renewals are answered", async () => {
    const server = new LeaseServer();
    const { lease } = await acquire(server);
    for (let second = 0; second < 60; second += 1) {
      await server.world.pass(1_000);
      expect(server.heldUntilMs).toBeGreaterThan(server.world.nowMs);
    }
    expect(lease.signal.aborted).toBe(false);
    expect(lease.fence).toEqual({ lease: "job", token: "1" });
  });

  it("is lost before the log may give it away, when no renewal is answered", async () => {
    const server = new LeaseServer();
    const { lease } = await acquire(server);
    await server.world.pass(5_000);
    server.behaviour = "hangs";
    while (!lease.signal.aborted) await server.world.pass(10);
    expect(server.world.nowMs).toBeLessThanOrEqual(server.heldUntilMs);
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
  });

  it("survives that renewals are not answered for a while", async () => {
    const server = new LeaseServer();
    const { lease } = await acquire(server);
    server.behaviour = "hangs";
    await server.world.pass(1_500);
    server.behaviour = "works";
    await server.world.pass(60_000);
    expect(lease.signal.aborted).toBe(false);
    expect(server.heldUntilMs).toBeGreaterThan(server.world.nowMs);
  });

  it("is lost at once when the log says so", async () => {
    const server = new LeaseServer();
    const { lease } = await acquire(server);
    server.behaviour = "refuses";
    await server.world.pass(1_200);
    expect(lease.signal.reason).toMatchObject({ code: "lease-lost", cause: { code: "lease-lost" } });
  });

  it("that was released is renewed no more, and lost to nobody", async () => {
    const server = new LeaseServer();
    const { lease } = await acquire(server);
    await server.world.until(lease.release());
    const { length } = server.world.requests;
    await server.world.pass(60_000);
    expect(server.world.requests.length).toBe(length);
    expect(lease.signal.aborted).toBe(false);
  });

  it("that another holds is asked for again for as long as the app waits, each time under a new key", async () => {
    const server = new LeaseServer();
    server.behaviour = "is held";
    const client = createClient({ regions: { eu: "http://eu" }, platform: server.world.platform });
    await expect(server.world.until(client.lease("job", { ttlMs: TTL_MS }))).rejects.toMatchObject({
      code: "lease-held",
    });
    const waiting = client.lease("job", { ttlMs: TTL_MS, waitMs: 60_000 });
    await server.world.pass(5_000);
    server.behaviour = "works";
    expect((await server.world.until(waiting)).fence.token).toBe("1");
    const keys = server.world.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
