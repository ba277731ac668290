/** Whatever waits for the log or its fold says so when it begins to, and not before: then it takes up no place of others. */
import { describe, expect, it } from "vitest";
import { seenWal } from "../../../services/core/session.ts";
import type { OnWait } from "../../../services/gateway/admission/may-wait.ts";
import type { Refusal } from "../../../services/gateway/admission/refusals.ts";
import type { GatewayService } from "../../../services/gateway/gateway-service.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { enter, makeAdmission } from "./admissions.ts";
import { Bed, COLLECTION, CONTEXT, list, read, SCHEMA, write } from "./bed.ts";

const TOO_MANY: Refusal = { reason: "requests-waiting", retryAfterMs: 1_500 };
/** What another region has buffered is not folded here. */
const AHEAD = { session: seenWal("us", 0, 1_000) };

async function startedBed(): Promise<Bed> {
  const bed = new Bed();
  await bed.startAll();
  await bed.run(bed.first.gateway.write(write({ waitCommitted: true })));
  return bed;
}

type Waiter = (gateway: GatewayService, onWait: OnWait) => Promise<unknown>;
const name = "work";

/** What each of them waits for is never there at once. */
const WAITERS: readonly (readonly [string, Waiter])[] = [
  ["a session read", (it, onWait) => it.read(read({ ...AHEAD, consistency: "session", onWait }))],
  [
    "a bounded read",
    (it, onWait) => it.read(read({ ...AHEAD, consistency: "bounded", stalenessMsMax: 60_000, onWait })),
  ],
  ["a session listing", (it, onWait) => it.list(list({ ...AHEAD, consistency: "session", onWait }))],
  ["a linearizable read", (it, onWait) => it.read(read({ consistency: "linearizable", onWait }))],
  ["a read of escrows", (it, onWait) => it.readEscrows({ ...read(), ...AHEAD, onWait })],
  ["a read of a lease", (it, onWait) => it.readLease({ ...CONTEXT, name, onWait })],
  ["a delete", (it, onWait) => it.remove({ ...write(), onWait })],
  [
    "a decided write behind its session",
    (it, onWait) => it.write(write({ ...AHEAD, body: { set: { name: "A" }, authoritative: true }, onWait })),
  ],
  ["a schema", (it, onWait) => it.putCollection({ ...CONTEXT, name: COLLECTION, schema: SCHEMA, onWait })],
];

describe("a request that has to wait", () => {
  it.each(WAITERS)("is refused where as many wait as may: %s", async (_, wait) => {
    const bed = await startedBed();
    const { code, details } = await bed.refused(wait(bed.first.gateway, () => TOO_MANY));
    expect({ code, ...details }).toEqual({ code: "overloaded", ...TOO_MANY });
  });

  it.each(["heard of", "not heard of"])(
    "leaves its place to others: a session read, of a fold %s",
    async (how) => {
      const bed = await startedBed();
      const gateway =
        how === "heard of" ? bed.first.gateway : bed.first.anotherGateway({ folded: new FoldFeed() });
      const load = makeAdmission({ requestsMax: 10 });
      const tickets = enter(load, 5, "read");
      const reads = tickets.map((ticket) =>
        gateway.read(read({ ...AHEAD, consistency: "session", onWait: () => ticket.waits() })),
      );
      const ended = Promise.allSettled(reads);
      await bed.pass(100);
      expect(load.admission.inFlight).toEqual({ working: 0, waiting: 5 });
      enter(load, 4, "write");
      await bed.run(ended);
    },
  );
});

describe("a request that need not wait", () => {
  it.each(["heard of", "not heard of"])(
    "does not say that it does: a session read, of a fold %s",
    async (how) => {
      const bed = await startedBed();
      const gateway =
        how === "heard of" ? bed.first.gateway : bed.first.anotherGateway({ folded: new FoldFeed() });
      const { session } = await bed.run(gateway.read(read()));
      const onWait = () => TOO_MANY;

      const found = await bed.run(gateway.read(read({ session, consistency: "session", onWait })));
      expect(found.fields["name"]).toBe("Ada");
    },
  );

  it("does not say so: a retry that the log has decided on before", async () => {
    const bed = await startedBed();
    const { gateway } = bed.first;
    const removal = { ...write(), idempotencyKey: "once" };
    await bed.run(gateway.remove(removal));
    const again = await bed.run(gateway.remove({ ...removal, onWait: () => TOO_MANY }));
    expect(again.isReplayed).toBe(true);
  });
});
