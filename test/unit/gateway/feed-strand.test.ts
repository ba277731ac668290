/** A strand that goes over from its own reading to what the hub tells: nothing is left out, nothing comes twice. */
import { describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import type { HubMember, PartitionHub } from "../../../services/gateway/feed/hub.ts";
import { Publication } from "../../../services/gateway/feed/publication.ts";
import { Strand, type StrandOwner } from "../../../services/gateway/feed/strand.ts";
import { ToldRecord, type ToldKind } from "../../../services/gateway/feed/told-record.ts";
import type { ChangedRecord, ChangesWindow } from "../../../services/ports/changes.ts";

const SCHEMA: CollectionSchema = { fields: { name: { class: "lww", type: "string" } } };
const FILTER = { tenant: "acme", collection: "users" };
const PLACE = { partition: 0, schema: SCHEMA, region: "eu" };

function told(key: string, changed: Omit<ChangedRecord, "record" | "snapshot">): ToldRecord {
  const snapshot = { committed: undefined, pending: [] };
  return new ToldRecord({ record: { ...FILTER, key }, ...changed, snapshot }, PLACE);
}

function window(changes: Partial<ChangesWindow> = {}): ChangesWindow {
  const marks = { settledTo: 3, pendingTo: 4 };
  const place = { head: 10, logEpoch: 0, floor: 0, position: 10, ...marks };
  return { ...place, isCaughtUp: true, records: [], ...changes };
}

/** What the strand passes on of what the hub has published while it read up to the window's end. */
async function passed(kind: ToldKind, records: readonly ToldRecord[], position = 9): Promise<Publication[]> {
  const found: Publication[] = [];
  let member: HubMember | undefined;
  const hub = {
    position: 10,
    marks: { settledTo: 0, pendingTo: 0 },
    join: async (joining: HubMember) => void (member = joining),
    leave: () => undefined,
  } as unknown as PartitionHub;
  const owner: StrandOwner = {
    filter: FILTER,
    kind,
    closed: new AbortController().signal,
    isFull: false,
    nowMs: () => 0,
    sleep: () => Promise.resolve(),
    read: async () => {
      const marks = { settledTo: 5, pendingTo: 6 };
      member?.publish(new Publication({ kind, told: records, position, marks }));
      return { window: window(), told: [] };
    },
    fits: () => undefined,
    tell: () => Promise.resolve(),
    pass: (_, publication) => void found.push(publication),
    fellBehind: () => undefined,
    fail: () => undefined,
  };
  const start = { position: 0, logEpoch: 0 };
  await new Strand({ owner, hub, partition: 0, start }).goLive();
  return found;
}

describe("what the hub tells a strand that is further already", () => {
  const known = told("known", { position: 8, settledAt: 3 });
  const further = told("further", { position: 11 });

  it("keeps what is pending of a record whose committed state was told", async () => {
    const touched = [
      told("pending", { position: 8, pendingAt: 5 }),
      told("settled", { position: 8, settledAt: 4, pendingAt: 2 }),
      told("came to nothing", { position: undefined, settledAt: 4 }),
    ];
    const old = told("old", { position: undefined, pendingAt: 4, settledAt: 2 });
    const [publication] = await passed("view", [known, ...touched, old, further]);
    expect(publication!.told).toEqual([...touched, further]);
  });

  it("leaves it out where only committed states are told", async () => {
    const [publication] = await passed("committed", [
      known,
      told("x", { position: 8, pendingAt: 5 }),
      further,
    ]);
    expect(publication!.told).toEqual([further]);
  });

  it("does not take the cursor back", async () => {
    const [publication] = await passed("view", [told("x", { position: undefined, pendingAt: 5 })]);
    expect(publication!.position).toBe(10);
  });
});
