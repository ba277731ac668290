/** The audit trail: one chain, whoever adds to it. */
import { expect, it } from "vitest";
import { EMPTY_AUDIT, findAuditBreak, type AuditFact } from "../../../services/core/audit.ts";
import { SEEN_HEADS_MAX } from "../../../services/ports/audit-trail.ts";
import type { Context } from "./context.ts";
import { NOW_MS, REGION } from "./operations.ts";

function fact(number: number, more: Partial<AuditFact> = {}): AuditFact {
  return {
    act: `01990000-0000-7000-8000-${String(number).padStart(12, "0")}`,
    atMs: NOW_MS + number,
    action: "drain",
    actor: 'ada "the" \\ o\'perator',
    address: null,
    about: '{"reason":"\\u0000 é 😀"}',
    outcome: "intent",
    ...more,
  };
}

export function auditTrail(context: Context): void {
  it("chains audit rows, and lists them both ways", async () => {
    const { store } = context;
    expect(await store.readAuditHead()).toEqual(EMPTY_AUDIT);
    expect(await store.listAudit({ limit: 10 })).toEqual([]);
    const rows = [];
    for (const number of [1, 2, 3]) rows.push(await store.appendAudit(fact(number)));
    rows.push(await store.appendAudit(fact(4, { action: "repair", address: "10.0.0.1", outcome: "done" })));
    const { sequence, hash } = rows[3]!;
    expect(await store.readAuditHead()).toEqual({ sequence, hash });
    expect(rows.map((row) => row.sequence)).toEqual([1, 2, 3, 4]);
    expect(await store.listAudit({ limit: 10, after: 0 })).toEqual(rows);
    expect(findAuditBreak(REGION, EMPTY_AUDIT, rows)).toBeUndefined();
    expect(await store.listAudit({ limit: 2 })).toEqual([rows[3], rows[2]]);
    expect(await store.listAudit({ limit: 2, before: 3 })).toEqual([rows[1], rows[0]]);
    expect(await store.listAudit({ limit: 10, after: 2 })).toEqual([rows[2], rows[3]]);
    expect(await store.listAudit({ limit: 10, action: "repair" })).toEqual([rows[3]]);
    expect(await store.listAudit({ limit: 10, sinceMs: NOW_MS + 3 })).toEqual([rows[3], rows[2]]);
  });

  it("keeps one chain where many add to it at once", async () => {
    const { store } = context;
    const other = await context.reopen();
    const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => (number % 2 === 0 ? store : other).appendAudit(fact(number))));
    const rows = await store.listAudit({ limit: 100, after: 0 });
    expect(findAuditBreak(REGION, EMPTY_AUDIT, rows)).toBeUndefined();
    expect(rows.map(({ act }) => act).toSorted()).toEqual(numbers.map((number) => fact(number).act));
  });

  it("keeps the newest heads of each other region, each once", async () => {
    const { store } = context;
    const seen = (region: string, sequence: number, seenAtMs = NOW_MS + sequence) => {
      return { region, sequence, hash: String(sequence % 10).repeat(64), seenAtMs };
    };
    await store.keepAuditHead(seen("us", 7));
    for (let sequence = 1; sequence <= SEEN_HEADS_MAX + 2; sequence += 1)
      await store.keepAuditHead(seen("ap", sequence));
    await store.keepAuditHead(seen("us", 7, NOW_MS + 1_000));
    const kept = await store.listAuditHeads();
    expect(kept.filter(({ region }) => region === "us")).toEqual([seen("us", 7)]);
    const others = kept.filter(({ region }) => region === "ap");
    expect(others).toHaveLength(SEEN_HEADS_MAX);
    expect(others[0]).toEqual(seen("ap", 3));
  });
}
