/** What the log alone says of some records: the same as a fold of everything, whatever they have to do with others. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RepairEntry } from "../../../../services/core/entry.ts";
import { uuidOf } from "../../../../services/core/operation-id.ts";
import { recordIdText, toRecordId } from "../../../../services/core/operation.ts";
import { RelatedRecords } from "../../../../services/core/verify/related-records.ts";
import { RepeatedIds } from "../../../../services/core/verify/repeated-ids.ts";
import { Replay } from "../../../../services/core/verify/replay.ts";
import { canonicalJson } from "../../../../services/core/json.ts";
import { rowHash } from "../../../../services/core/digest.ts";
import { checkProperty } from "../../property.ts";
import { REGIONS, TENANT, TestLog } from "../decide/test-log.ts";
import { acquire, change, COLLECTION, erase, set } from "../decide/writes.ts";
import { buildLog, anyChange, KEYS, steps } from "../histories.ts";
import { FoldingRegion, idOf } from "../repair-histories.ts";
import { foldEntries, sliceOf } from "../../../../services/core/fold/fold.ts";

const PEOPLE_KEYS = ["a", "b", "c", "d"] as const;
const nameOf = (key: string) => recordIdText({ tenant: TENANT, collection: COLLECTION, key });

const key = fc.constantFrom(...PEOPLE_KEYS);
const email = fc.constantFrom("x", "y", "z");
const oneWrite = fc.oneof(
  fc.record({ key, email }).map((given) => set(given.key, { email: given.email })),
  key.map((name) => erase(name)),
  fc
    .record({ key, email })
    .map((given) => change(given.key, { set: { note: 1 } }, { fields: { email: given.email } })),
  key.map((name) => change(name, { inc: { credit: 4 } })),
);
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("propose"), writes: fc.array(oneWrite, { minLength: 1, maxLength: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("write"), key, origin: fc.constantFrom(...REGIONS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tick"), origin: fc.constantFrom(...REGIONS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lease"), holder: key }) },
); // prettier-ignore
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

function logOf(acts: readonly Act[]): TestLog {
  const log = new TestLog();
  for (const one of acts) {
    log.nowMs += 500;
    if ("writes" in one) {
      const writes = one.writes.filter(
        ({ key: name }, index) => one.writes.findIndex((other) => other.key === name) === index,
      );
      log.propose(writes);
    } else if ("holder" in one) log.propose(acquire("job", one.holder, 700));
    else if ("key" in one) log.write(one.origin, { key: one.key, operators: { inc: { visits: 1 } } });
    else log.tick(one.origin);
  }
  return log;
}

function replayed({ entries }: Pick<TestLog, "entries">, kept: ReadonlySet<string>): Replay {
  const ids = new RepeatedIds();
  for (const entry of entries) for (const id of sliceOf([entry]).operations) ids.tell(id);
  const replay = new Replay(0, { kept, repeated: ids.repeated });
  for (const entry of entries) replay.fold(entry);
  return replay;
}

function relatedIn({ entries }: Pick<TestLog, "entries">): RelatedRecords {
  const related = new RelatedRecords();
  for (const { entry } of entries) related.tell(entry);
  return related;
}

describe("a replay", () => {
  it("gives the rows that a fold of everything gives, of local writes on a bad day", () => {
    checkProperty(
      fc.property(steps(anyChange), (history) => {
        const entries = buildLog(history, { noise: true });
        const region = new FoldingRegion(foldEntries);
        region.take(entries);
        for (const one of KEYS) {
          const replay = replayed({ entries }, new Set([idOf(one)]));
          expect(replay.row(idOf(one))).toEqual(region.rows.get(idOf(one)) ?? null);
          expect(replay.chain).toBe(region.state.chain);
        }
      }),
    );
  });

  it("gives them of what the log decides, with all that was decided on together", () => {
    checkProperty(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const log = logOf(acts);
        const related = relatedIn(log);
        for (const name of [...log.store.records.keys(), ...PEOPLE_KEYS.map(nameOf)]) {
          const row = replayed(log, related.of([toRecordId(name)])).row(name);
          expect(canonicalJson(row as never)).toBe(
            canonicalJson((log.store.records.get(name) ?? null) as never),
          );
        }
      }),
    );
  });

  it("would give others without what was decided on together", () => {
    const log = new TestLog();
    log.propose(set("a", { email: "x" }));
    log.propose(set("b", { email: "x" }));
    expect(log.record("b")).toBeUndefined();
    expect(replayed(log, new Set([nameOf("b")])).row(nameOf("b"))).not.toBeNull();
    const kept = relatedIn(log).of([toRecordId(nameOf("b"))]);
    expect(kept.size).toBe(3);
    expect(replayed(log, kept).row(nameOf("b"))).toBeNull();
  });

  it("does not relate records that were only written next to each other", () => {
    const log = new TestLog();
    log.propose(set("a", { email: "x" }));
    log.propose(set("b", { email: "y" }));
    log.write("eu", { key: "a", operators: { inc: { visits: 1 } } });
    expect(
      relatedIn(log)
        .of([toRecordId(nameOf("a"))])
        .has(nameOf("b")),
    ).toBe(false);
  });

  it("does not tell of anything once a repair has set a record to what no entry tells of", () => {
    const log = new TestLog();
    log.propose(set("a", { note: "right" }));
    const row = log.record("a")!;
    const damaged = { ...row, version: row.version + 1 };
    const { tenant, collection, key: name, ...record } = damaged;
    const repaired = { tenant, collection, key: name, expected: [rowHash(damaged)], record };
    log.tick("eu");
    const entry: RepairEntry = {
      kind: "repair", origin: "eu", id: uuidOf("repair"), at: 3, atMs: 1, reason: "test", records: [repaired],
    }; // prettier-ignore
    log.put(entry);
    const kept = relatedIn(log).of([toRecordId(nameOf("a")), toRecordId(nameOf("b"))]);
    const replay = replayed(log, kept);
    expect(replay.row(nameOf("a"))).toBeUndefined();
    expect(replay.row(nameOf("b"))).toBeUndefined();
    // Whoever has nothing to do with the repaired record is told of as before.
    expect(replayed(log, new Set([nameOf("b")])).row(nameOf("b"))).toBeNull();
  });
});

describe("ids that come more than once", () => {
  it("are found, however many there are, and no others", () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => uuidOf("id", String(index)));
    const again = ids.filter((_, index) => index % 97 === 0);
    const told = new RepeatedIds();
    for (const id of [...ids, ...again]) told.tell(id);
    expect([...told.repeated].toSorted()).toEqual(again.toSorted());
    expect(told.size).toBe(ids.length);
  });

  it("are those of zeros, too", () => {
    const zeros = "01990000-0000-7000-8000-000000000000";
    const told = new RepeatedIds();
    told.tell(zeros);
    expect(told.repeated.size).toBe(0);
    told.tell(zeros);
    expect([...told.repeated]).toEqual([zeros]);
  });
});
