/** A region whose database went back: what the log has of the one before, and what becomes of the region's membership. */
import { expect } from "vitest";
import type { BatchEntry, MemberEntry, TickEntry } from "../../../services/core/entry.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { WAL_RUN_ROWS } from "../../../services/core/fold/member.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { LostWalError } from "../../../services/ports/own-wal.ts";
import type { RegionStore, WalAppend } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { append, appendTo, NOW_MS, readAll, REGION } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

export const [FIRST, SECOND] = [uuidOf("contract", "rejoin"), uuidOf("contract", "rejoin again")];
export const LATER_MS = NOW_MS + 60_000;

export function change(action: MemberEntry["action"], id = FIRST): MemberEntry {
  const origin = action === "rejoin" ? REGION : "us";
  return { kind: "member", origin, id, action, region: REGION };
}

/** What another database of the region has sent before it was lost. */
export function sentBefore(log: TestLog, operations: readonly WalAppend[]): BatchEntry {
  return log.batch(REGION, operations, hlcFromMilliseconds(NOW_MS - 10_000));
}

export async function tick(context: Context, log: TestLog): Promise<TickEntry> {
  const stamp = await context.store.stampTick({ partition: 0, nowMs: LATER_MS });
  const { hlc, walHead, position: appliedPosition, chain } = stamp;
  return {
    kind: "tick", origin: REGION, hlc, walHead, appliedPosition, chain, software: "test", reads: log.state.position,
  }; // prettier-ignore
}

/** All operations up to here: everybody has seen them, and nothing is on its way. */
export async function forgetAll(log: TestLog): Promise<void> {
  const { position } = log.state;
  const members = ["ap", "eu", "us"].map((origin) => ({ ...(log.tick(origin) as TickEntry), walHead: 0 }));
  await log.fold(...members);
  await log.fold({ kind: "forget", origin: "us", position, logTimeMs: NOW_MS + position, without: [] });
  expect(log.state.forgotten.position).toBe(position);
}

export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The log has `sent` of the region, and the database has taken others. */
export async function wentBack(context: Context, taken: readonly WalAppend[], sent: readonly WalAppend[]) {
  const log = await openLog(context.store);
  await appendTo(context.store, taken);
  const batch = sentBefore(log, sent);
  const lost = (await failureOf(log.foldLooking(batch))) as LostWalError;
  return { log, batch, lost };
}

/**
 * A process has outlived its database, and sends on after what it has sent of the one before: the log has `lost`, and after that
 * what the WAL has. The first two of the operations that were taken are not known to it.
 */
export async function outlived({ store }: Context) {
  const log = await openLog(store);
  await store.bindLog({ partition: 0, createdAtMs: NOW_MS });
  const operations = [append("a"), append("b"), append("c"), append("d")];
  await appendTo(store, operations);
  const rows = await readAll(store);
  const lost = sentBefore(log, [append("x"), append("y")]);
  const next = log.batch(REGION, operations.slice(2), rows[2]!.hlc);
  return { log, lost, next, unknown: operations.slice(0, 2).map(({ id }) => id) };
}

export const rowsOfRun = (store: RegionStore, run: number) =>
  store.readWal({ partition: 0, after: run * WAL_RUN_ROWS, rowsMax: 10, bytesMax: 1e9 });
