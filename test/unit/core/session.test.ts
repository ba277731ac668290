import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WAL_RUN_ROWS } from "../../../services/core/fold/member.ts";
import {
  coverFolded,
  EMPTY_SESSION,
  isMet,
  mergeSessions,
  needOf,
  regionsInDoubt,
  seenPosition,
  seenWal,
  type Session,
} from "../../../services/core/session.ts";
import { checkProperty } from "../property.ts";

const sequences = fc.dictionary(fc.constantFrom("0", "1", "2", "63"), fc.nat({ max: 20 }), {
  noNullPrototype: true,
});
const session: fc.Arbitrary<Session> = fc.record({
  positions: sequences,
  wal: fc.dictionary(fc.constantFrom("eu", "us", "ap", "constructor"), sequences, { noNullPrototype: true }),
});
const folded = fc.record({
  position: fc.nat({ max: 20 }),
  origins: fc.dictionary(
    fc.constantFrom("eu", "us", "ap", "constructor"),
    fc.record({ watermark: fc.nat({ max: 20 }) }),
    { noNullPrototype: true },
  ),
});

describe("mergeSessions", () => {
  it("is commutative", () => {
    checkProperty(
      fc.property(session, session, (one, other) => {
        expect(mergeSessions(one, other)).toEqual(mergeSessions(other, one));
      }),
    );
  });

  it("is associative", () => {
    checkProperty(
      fc.property(session, session, session, (one, other, third) => {
        expect(mergeSessions(mergeSessions(one, other), third)).toEqual(
          mergeSessions(one, mergeSessions(other, third)),
        );
      }),
    );
  });

  it("is idempotent, and the empty session adds nothing", () => {
    checkProperty(
      fc.property(session, (one) => {
        expect(mergeSessions(one, one)).toEqual(one);
        expect(mergeSessions(one, EMPTY_SESSION)).toEqual(one);
        expect(mergeSessions(EMPTY_SESSION, one)).toEqual(one);
      }),
    );
  });

  it("changes neither of the two", () => {
    checkProperty(
      fc.property(session, session, (one, other) => {
        const before = structuredClone([one, other]);
        mergeSessions(one, other);
        expect([one, other]).toEqual(before);
      }),
    );
  });

  it("asks for all that either asked for, and no more", () => {
    checkProperty(
      fc.property(session, session, folded, (one, other, place) => {
        const met = (asked: Session) => isMet(needOf(asked, 1, "eu"), place);
        expect(met(mergeSessions(one, other))).toBe(met(one) && met(other));
      }),
    );
  });
});

describe("isMet", () => {
  const at = (position: number, watermarks: { [region: string]: number } = {}) => ({
    position,
    origins: Object.fromEntries(
      Object.entries(watermarks).map(([region, watermark]) => [region, { watermark }]),
    ),
  });

  it("holds once the position is folded, and stays so", () => {
    const need = needOf(seenPosition(2, 5), 2, "eu");
    expect([4, 5, 6].map((position) => isMet(need, at(position)))).toEqual([false, true, true]);
    checkProperty(
      fc.property(session, folded, fc.nat({ max: 5 }), (asked, place, further) => {
        const need = needOf(asked, 0, "eu");
        if (!isMet(need, place)) return;
        expect(isMet(need, { ...place, position: place.position + further })).toBe(true);
      }),
    );
  });

  it("waits for what another region had buffered, and not for what is buffered here", () => {
    const seen = seenWal("us", 0, 3);
    expect(isMet(needOf(seen, 0, "us"), at(0))).toBe(true);
    expect(isMet(needOf(seen, 0, "eu"), at(9, { us: 2 }))).toBe(false);
    expect(isMet(needOf(seen, 0, "eu"), at(0, { us: 3 }))).toBe(true);
    expect(isMet(needOf(seen, 0, "eu"), at(0))).toBe(false);
  });

  it("looks at one partition only", () => {
    const seen = mergeSessions(seenPosition(1, 9), seenWal("us", 1, 9));
    expect(isMet(needOf(seen, 0, "eu"), at(0))).toBe(true);
    expect(isMet(needOf(seen, 1, "eu"), at(8, { us: 9 }))).toBe(false);
  });

  it("does not take a region named like a property of every object for a member", () => {
    expect(isMet(needOf(seenWal("constructor", 0, 1), 0, "eu"), at(5))).toBe(false);
  });
});

describe("coverFolded", () => {
  it("drops what is folded, keeps what is not, and remembers the position", () => {
    const seen = mergeSessions(mergeSessions(seenWal("us", 0, 3), seenWal("us", 1, 3)), seenWal("ap", 0, 7));
    const place = { position: 9, origins: { us: { watermark: 3 }, ap: { watermark: 6 } } };
    expect(coverFolded(seen, 0, place)).toEqual({
      positions: { "0": 9 },
      wal: { us: { "1": 3 }, ap: { "0": 7 } },
    });
  });

  it("asks no less than before of a region that has folded as far", () => {
    checkProperty(
      fc.property(session, folded, folded, (seen, place, other) => {
        // One log: whoever is at a later position has every watermark at least as high.
        const origins = { ...other.origins };
        for (const [region, { watermark }] of Object.entries(place.origins)) {
          origins[region] = {
            watermark: Math.max(watermark, Object.hasOwn(origins, region) ? origins[region]!.watermark : 0),
          };
        }
        const later = { position: place.position + other.position, origins };
        if (isMet(needOf(coverFolded(seen, 0, place), 0, "eu"), later)) {
          expect(isMet(needOf(seen, 0, "eu"), later)).toBe(true);
        }
      }),
    );
  });
});

describe("regionsInDoubt", () => {
  const folded = { position: 9, origins: { eu: { watermark: WAL_RUN_ROWS + 3 }, us: { watermark: 5 } } };
  const seenAt = (region: string, sequence: number) => ({
    positions: {},
    wal: { [region]: { "0": sequence } },
  });

  it("names a region whose sequences began anew since", () => {
    expect(regionsInDoubt(seenAt("eu", 7), 0, folded)).toEqual(["eu"]);
    expect(
      regionsInDoubt(seenAt("eu", 7), 0, { ...folded, origins: { eu: { watermark: WAL_RUN_ROWS } } }),
    ).toEqual(["eu"]);
  });

  it("names none whose run goes on, that is ahead, or that the session has nothing of there", () => {
    for (const [region, sequence] of [
      ["eu", WAL_RUN_ROWS + 1],
      ["eu", 2 * WAL_RUN_ROWS + 1],
      ["us", 4],
      ["us", 6],
    ] as const)
      expect(regionsInDoubt(seenAt(region, sequence), 0, folded)).toEqual([]);
    expect(regionsInDoubt({ positions: {}, wal: { eu: { "1": 7 } } }, 0, folded)).toEqual([]);
  });
});
