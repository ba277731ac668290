import { describe, expect, it } from "vitest";
import {
  auditText,
  contradictedHead,
  EMPTY_AUDIT,
  findAuditBreak,
  nextAuditRow,
  type AuditFact,
  type AuditHead,
  type AuditRow,
} from "../../../services/core/audit.ts";

const FACT: AuditFact = {
  act: "01990000-0000-7000-8000-000000000001",
  atMs: 1_720_000_000_000,
  action: "drain",
  actor: "ada",
  address: "10.0.0.7",
  about: '{"force":false}',
  outcome: "intent",
};

function trail(length: number, region = "eu"): AuditRow[] {
  const rows: AuditRow[] = [];
  let head: AuditHead = EMPTY_AUDIT;
  for (let index = 0; index < length; index += 1) {
    const row = nextAuditRow(region, head, { ...FACT, atMs: FACT.atMs + index });
    rows.push(row);
    head = row;
  }
  return rows;
}

const hashesOf = (rows: readonly AuditRow[]) => rows.map(({ hash }) => hash);

describe("the chain of an audit trail", () => {
  it("hashes a text that never changes", () => {
    expect(auditText("eu", { ...FACT, sequence: 1 })).toBe(
      '["audit/1","eu",1,"01990000-0000-7000-8000-000000000001",1720000000000,"drain","ada","10.0.0.7","{\\"force\\":false}","intent"]',
    );
    expect(hashesOf(trail(2))).toEqual([
      "9b37f7219ab05c71caeab74bfee8236e93a47af28aed56582542923dc061cf91",
      "0a9e8eee7ae7d32813936a0950a2bdcd28bf6b857607876542697de1bd9ffddb",
    ]);
  });

  it("is whole as it was made, in pages as well", () => {
    const rows = trail(5);
    expect(findAuditBreak("eu", EMPTY_AUDIT, rows)).toBeUndefined();
    expect(findAuditBreak("eu", rows[1]!, rows.slice(2))).toBeUndefined();
    expect(findAuditBreak("eu", EMPTY_AUDIT, [])).toBeUndefined();
  });

  it("breaks where any part of a row is changed", () => {
    const changes: Partial<AuditRow>[] = [
      { act: "01990000-0000-7000-8000-000000000002" },
      { atMs: 1 },
      { action: "undrain" },
      { actor: "eve" },
      { address: null },
      { about: "{}" },
      { outcome: "done" },
      { hash: "0".repeat(64) },
      { previous: "0".repeat(64) },
    ];
    for (const change of changes) {
      const rows = trail(5);
      rows[2] = { ...rows[2]!, ...change };
      expect({ change, ...findAuditBreak("eu", EMPTY_AUDIT, rows) }).toMatchObject({ change, sequence: 3 });
    }
  });

  it("breaks at the row after one whose hash was made anew", () => {
    const rows = trail(5);
    rows[2] = nextAuditRow("eu", rows[1]!, { ...rows[2]!, actor: "eve" });
    expect(findAuditBreak("eu", EMPTY_AUDIT, rows)).toMatchObject({ sequence: 4 });
  });

  it("breaks where a row is missing, at the beginning too, or is of another region", () => {
    const rows = trail(5);
    expect(findAuditBreak("eu", EMPTY_AUDIT, rows.toSpliced(2, 1))).toMatchObject({
      sequence: 3,
      reason: "row 3 is missing: row 4 comes next",
    });
    expect(findAuditBreak("eu", EMPTY_AUDIT, rows.slice(1))).toMatchObject({ sequence: 1 });
    expect(findAuditBreak("us", EMPTY_AUDIT, rows)).toMatchObject({ sequence: 1 });
  });
});

describe("heads that were kept", () => {
  const whole = trail(5);

  it("agree with the trail that they are of", () => {
    expect(contradictedHead(hashesOf(whole), [EMPTY_AUDIT, ...whole])).toBeUndefined();
  });

  it("tell that the end is gone", () => {
    expect(findAuditBreak("eu", EMPTY_AUDIT, whole.slice(0, 3))).toBeUndefined();
    expect(contradictedHead(hashesOf(whole.slice(0, 3)), [whole[4]!])).toEqual({
      sequence: 4,
      reason: "the trail ends at row 3, and had row 5: its end is gone",
    });
  });

  it("tell that all of it was made anew, from which row on", () => {
    let head: AuditHead = whole[1]!;
    const anew = whole.slice(0, 2);
    for (const row of whole.slice(2)) {
      const next = nextAuditRow("eu", head, { ...row, actor: "eve" });
      anew.push(next);
      head = next;
    }
    expect(findAuditBreak("eu", EMPTY_AUDIT, anew)).toBeUndefined();
    expect(contradictedHead(hashesOf(anew), whole)).toMatchObject({ sequence: 3 });
  });
});
