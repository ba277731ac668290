/** A relay that was frozen before it read its place wakes up with a later epoch than the one that works. */
import { expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { Relay } from "../../../services/relay/relay.ts";
import { holdRole } from "../../../services/runtime/hold-role.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, overriding, write } from "../gateway/bed.ts";

it("a relay that a late, frozen one has overtaken goes on", async () => {
  const bed = new Bed({ regions: ["eu"] });
  await bed.startAll();
  const eu = bed.first;
  // A second process takes the relay role, and freezes just before it reads the fold's place.
  eu.stopRoles();
  await bed.world.run(bed.world.nowMs + 4_000);
  const common = {
    ...eu.options,
    metrics: silentMetrics,
    members: ["eu"],
    partition: 0,
    breaker: eu.options.breakers[0]!,
  };
  const stop = new AbortController();
  void new Applier(common).run(stop.signal).catch(() => undefined);
  let thaw!: () => void;
  const frozen = new Promise<void>((resolve) => (thaw = resolve));
  let isFirst = true;
  const slow = overriding(eu.options.store, {
    readPositions: async (partition: number) => {
      if (isFirst) {
        isFirst = false;
        await frozen;
      }
      return eu.options.store.readPositions(partition);
    },
  });
  const grantA = (await bed.run(
    eu.options.store.acquireRole({ role: "relay", partition: 0, holder: "A", ttlMs: 3_000 }),
  ))!;
  const stopA = new AbortController();
  const runA = new Relay({ ...common, store: slow }).run(grantA, stopA.signal).catch(() => undefined);
  await bed.world.run(bed.world.nowMs + 4_000);
  // B takes over
  const relayB = new Relay(common);
  void holdRole(
    { ...common, role: "relay", holder: "B", work: (grant, over) => relayB.run(grant, over) },
    stop.signal,
  );
  await bed.run(eu.gateway.write(write({ key: "one" })));
  await bed.converge();
  // A thaws; it does not know yet that it has lost the role, and ships one row before its renewal tells it.
  thaw();
  void bed.run(eu.gateway.write(write({ key: "two" })));
  await bed.world.run(bed.world.nowMs + 900);
  stopA.abort();
  await bed.run(runA);
  await bed.run(eu.gateway.write(write({ key: "three" })));
  await bed.world.run(bed.world.nowMs + 40_000);
  const head = eu.database.walHead(0);
  expect({ pending: head.pendingRows, origin: eu.database.readPositions(0).origins["eu"] }).toMatchObject({
    pending: 0,
  });
});
