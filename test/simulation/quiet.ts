/** Records that are written once and then left alone: what drifts there, no client's write puts right. */
import type { Gateway } from "../../services/gateway/gateway.ts";
import { LEASES_COLLECTION } from "../../services/core/reserved.ts";
import { EMPTY_SESSION } from "../../services/core/session.ts";
import { ACCOUNTS, EMAIL_FIELD } from "./accounts.ts";
import type { SimulatedCluster } from "./cluster.ts";
import { GOODS } from "./stock.ts";
import { COLLECTION, TENANT } from "./workload.ts";
import type { Process } from "./world.ts";

export const QUIET_COUNT = 6;
const DEADLINE_MS = 5_000;
const TRY_AGAIN_MS = 300;
const LEASE_TTL_MS = 600_000;
const LOOK_EVERY_MS = 50;
const LOOKS_MAX = 4_000;

export function quietKey(number: number): string {
  return `quiet-${number}`;
}

export function quietEmail(number: number): string {
  return `${quietKey(number)}@x`;
}

type Write = (gateway: Gateway, context: WriteContext) => Promise<unknown>;
interface WriteContext {
  readonly tenant: string;
  readonly session: typeof EMPTY_SESSION;
  readonly deadlineMs: number;
  readonly idempotencyKey: string;
}

/** Until all regions hold them. */
export async function writeQuietRecords(cluster: SimulatedCluster, process: Process): Promise<void> {
  for (let number = 0; number < QUIET_COUNT; number += 1) {
    const key = quietKey(number);
    const writes: readonly Write[] = [
      (gateway, context) => gateway.write({ ...context, ...thing(key, number), waitCommitted: true }),
      (gateway, context) =>
        gateway.write({
          ...context,
          collection: ACCOUNTS,
          key,
          body: { set: { [EMAIL_FIELD]: quietEmail(number) } },
          waitCommitted: true,
        }),
      (gateway, context) =>
        gateway.write({
          ...context,
          collection: GOODS,
          key,
          body: { give: { stock: 9 } },
          waitCommitted: true,
        }),
      (gateway, context) =>
        gateway.lease({
          ...context,
          name: key,
          action: { type: "acquire", holder: "quiet", ttlMs: LEASE_TTL_MS },
        }),
    ];
    for (const [kind, write] of writes.entries())
      await writeUntilTaken(cluster, process, { name: `${key} ${kind}`, write });
    await awaitRow(cluster, process, { collection: LEASES_COLLECTION, key });
  }
}

/** One more, which all regions have folded then. */
export async function writeThing(
  cluster: SimulatedCluster,
  process: Process,
  { key, number }: { key: string; number: number },
): Promise<void> {
  const write: Write = (gateway, context) =>
    gateway.write({ ...context, ...thing(key, number), waitCommitted: false });
  await writeUntilTaken(cluster, process, { name: key, write });
  await awaitRow(cluster, process, { collection: COLLECTION, key });
}

function thing(key: string, number: number) {
  const body = {
    set: { name: `name of ${key}` },
    inc: { total: number + 1 },
    add: { tags: ["red", "green"] },
    put: { settings: { red: number } },
  };
  return { collection: COLLECTION, key, body };
}

async function writeUntilTaken(
  { regions, world }: SimulatedCluster,
  process: Process,
  { name, write }: { name: string; write: Write },
): Promise<void> {
  const context = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: DEADLINE_MS, idempotencyKey: name };
  for (;;) {
    const gateway = world.random.pick(regions).processes[0]?.gateway;
    const taken =
      gateway &&
      write(gateway, context).then(
        () => true,
        () => false,
      );
    if (await Promise.race([taken ?? false, process.pass(DEADLINE_MS + TRY_AGAIN_MS).then(() => false)]))
      return;
    await process.pass(TRY_AGAIN_MS);
  }
}

async function awaitRow(
  { regions }: SimulatedCluster,
  process: Process,
  { collection, key }: { collection: string; key: string },
): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const isHeld = regions.every(({ database }) =>
      database.records(0).some((record) => record.collection === collection && record.key === key),
    );
    if (isHeld) return;
    await process.pass(LOOK_EVERY_MS);
  }
  throw new Error(`not all regions have folded ${collection}/${key}`);
}
