import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  descend,
  differingLeaves,
  differingNodes,
  DigestTree,
  digestsOf,
  LEAVES_MAX,
  WHOLE,
  type LeafDigests,
} from "../../../../services/core/verify/digest-tree.ts";
import { checkProperty } from "../../property.ts";

const FANOUT = 16;
const words = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 ** 32 - 1 }));

function leavesOf(count: number, seed: number): LeafDigests {
  const rows = Uint32Array.from({ length: count }, (_, leaf) => (leaf * seed) % 7);
  const hashes = Uint32Array.from({ length: 4 * count }, (_, word) => Math.imul(word + 1, seed) >>> 0);
  return { rows, hashes };
}

function copyOf({ rows, hashes }: LeafDigests): LeafDigests {
  return { rows: rows.slice(), hashes: hashes.slice() };
}

interface Edit {
  readonly leaf: number;
  readonly word: number;
  readonly value: number;
}

const edits = fc.array(fc.record({ leaf: fc.nat(), word: fc.nat({ max: 4 }), value: words }), {
  maxLength: 12,
});
const sizes = fc.nat({ max: 13 }).map((bits) => 2 ** bits);

function edited(leaves: LeafDigests, changes: readonly Edit[]): LeafDigests {
  const copy = copyOf(leaves);
  for (const { leaf, word, value } of changes) {
    const place = leaf % copy.rows.length;
    if (word === 4) copy.rows[place] = value;
    else copy.hashes[4 * place + word] = value;
  }
  return copy;
}

/** The slow way: all leaves, one by one. */
function differingOneByOne(one: LeafDigests, other: LeafDigests): number[] {
  const isSame = (leaf: number) =>
    one.rows[leaf] === other.rows[leaf] &&
    [0, 1, 2, 3].every((word) => one.hashes[4 * leaf + word] === other.hashes[4 * leaf + word]);
  return [...one.rows.keys()].filter((leaf) => !isSame(leaf));
}

describe("a digest tree", () => {
  it("finds by descent the leaves that differ, all of them and no others", () => {
    checkProperty(
      fc.property(sizes, fc.nat(), edits, (count, seed, changes) => {
        const one = leavesOf(count, seed);
        const other = edited(one, changes);
        const { leaves } = differingLeaves(DigestTree.of(one), DigestTree.of(other));
        expect(leaves).toEqual(differingOneByOne(one, other));
      }),
    );
  });

  it("looks at nodes in proportion to differences and depth", () => {
    checkProperty(
      fc.property(sizes, fc.nat(), edits, (count, seed, changes) => {
        const one = DigestTree.of(leavesOf(count, seed));
        const other = DigestTree.of(edited(leavesOf(count, seed), changes));
        const { leaves, compared } = differingLeaves(one, other);
        expect(compared).toBeLessThanOrEqual(1 + leaves.length * one.depth * FANOUT);
      }),
    );
  });

  it("compares one digest where nothing differs, and a path where one row of a million does", () => {
    const one = leavesOf(LEAVES_MAX, 77);
    const same = differingLeaves(DigestTree.of(one), DigestTree.of(copyOf(one)));
    expect(same).toEqual({ leaves: [], compared: 1 });
    const other = edited(one, [{ leaf: 40_000, word: 2, value: 5 }]);
    const path = differingLeaves(DigestTree.of(one), DigestTree.of(other));
    expect(path).toEqual({ leaves: [40_000], compared: 1 + 4 * FANOUT });
  });

  it("tells leaves apart whose digests have changed places, and words that have", () => {
    const one = { rows: Uint32Array.of(1, 2), hashes: Uint32Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    const swapped = { rows: Uint32Array.of(2, 1), hashes: Uint32Array.of(5, 6, 7, 8, 1, 2, 3, 4) };
    const turned = { rows: Uint32Array.of(1, 2), hashes: Uint32Array.of(2, 1, 3, 4, 5, 6, 7, 8) };
    const roots = [one, swapped, turned].map((leaves) => DigestTree.of(leaves).root);
    expect(new Set(roots).size).toBe(3);
    expect(roots[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("can be descended by messages: digests of a frontier there, what differs here", () => {
    checkProperty(
      fc.property(sizes, fc.nat(), edits, (count, seed, changes) => {
        const mine = DigestTree.of(leavesOf(count, seed));
        const theirs = DigestTree.of(edited(leavesOf(count, seed), changes));
        let frontier = WHOLE;
        for (let level = 0; level < mine.depth; level += 1) {
          const asked: typeof frontier = JSON.parse(JSON.stringify(frontier)) as typeof frontier;
          frontier = descend(mine, differingNodes(mine, frontier, digestsOf(theirs, asked)))!;
        }
        const last = differingNodes(mine, frontier, digestsOf(theirs, frontier));
        expect(last.nodes).toEqual(differingLeaves(mine, theirs).leaves);
      }),
    );
  });

  it("refuses leaves that are no power of two, too many, or of other lengths", () => {
    const of = (rows: number, hashes: number) => () =>
      DigestTree.of({ rows: new Uint32Array(rows), hashes: new Uint32Array(hashes) });
    expect(of(1, 4)).not.toThrow();
    for (const [rows, hashes] of [
      [0, 0],
      [3, 12],
      [2, 4],
      [2 * LEAVES_MAX, 8 * LEAVES_MAX],
    ] as const)
      expect(of(rows, hashes)).toThrow();
    expect(() => differingLeaves(DigestTree.of(leavesOf(2, 1)), DigestTree.of(leavesOf(4, 1)))).toThrow();
  });
});
