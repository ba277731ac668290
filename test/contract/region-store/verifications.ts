/** Verifications that have ended: each kept as it was told last, found again, the oldest forgotten. */
import { expect, it } from "vitest";
import type { Verification } from "../../../services/ports/reconciliation.ts";
import { VERIFICATIONS_KEPT_MAX } from "../../../services/ports/verification-records.ts";
import type { Context } from "./context.ts";
import { NOW_MS } from "./operations.ts";

function idOf(number: number): string {
  return `01990000-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

function verification(number: number, more: Partial<Verification> = {}): Verification {
  return {
    id: idOf(number),
    partition: 0,
    startedAtMs: NOW_MS + number,
    endedAtMs: NOW_MS + number + 5,
    phase: "done",
    position: 7,
    verdict: "match",
    reason: "all hold the same",
    regions: [{ region: "eu", problem: undefined, rows: 3, digest: "5f0e9a3c41d27b68c0d1e2f3a4b5c6d7" }],
    differences: { records: 0, sample: [], rest: [] },
    ...more,
  };
}

export function verificationRecords(context: Context): void {
  it("keeps verifications, each once, and lists the newest first", async () => {
    const { store } = context;
    const row = { tenant: "t", collection: "c", key: "k\u2028", version: 1, fields: {} };
    const { tenant, collection, key } = row;
    const differing = { tenant, collection, key, rows: { eu: row, us: null }, proven: undefined };
    const found = verification(2, {
      verdict: "diverged",
      differences: { records: 1, sample: [differing], rest: ["operations"] },
    });
    const unsure = verification(1, { position: undefined, verdict: "unreachable", regions: [] });
    for (const one of [unsure, { ...found, reason: "before its proofs" }, found])
      await store.keepVerification(one);
    expect(await store.readVerification(found.id)).toEqual(found);
    expect(await store.readVerification(unsure.id)).toEqual(unsure);
    expect(await store.readVerification(idOf(9))).toBeUndefined();
    expect(await store.listVerifications({ limit: 10 })).toEqual([found, unsure]);
    expect(await store.listVerifications({ limit: 1 })).toEqual([found]);
  });

  it("forgets the oldest verifications", async () => {
    const { store } = context;
    for (let number = 1; number <= VERIFICATIONS_KEPT_MAX + 2; number += 1)
      await store.keepVerification(verification(number));
    const kept = await store.listVerifications({ limit: 2 * VERIFICATIONS_KEPT_MAX });
    expect(kept).toHaveLength(VERIFICATIONS_KEPT_MAX);
    expect(kept.at(-1)!.id).toBe(idOf(3));
  });
}
