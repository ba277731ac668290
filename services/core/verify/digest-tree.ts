/**
 * A tree of digests over the leaves of a partition's records. Whoever compares two of them descends where they differ, so
 * that what crosses the wire grows with the differences and not with the records.
 *
 *   level 0: the root │ level 1: 16 nodes │ level 2: 256 │ … │ last level: the leaves
 *
 * A node's digest is made of its children's and of their order; of a leaf, of its count of rows and of their hashes.
 */
import { assert } from "../assert.ts";

/** What a store's snapshot tells of its rows, by leaf. */
export interface LeafDigests {
  /** Count of rows by leaf; as many as there are leaves, a power of two. */
  readonly rows: Uint32Array;
  /** Four words by leaf: two hashes of 64 bits, each of all its rows combined in any order. */
  readonly hashes: Uint32Array;
}

export const LEAVES_MAX = 65_536;
/** Children of a node are two to the power of this; of the lowest nodes maybe fewer. */
const FANOUT_BITS = 4;
const FANOUT = 2 ** FANOUT_BITS;
const WORDS = 4;
/** Odd, and one for each word of a digest: words of other places, and lanes, must not cancel each other out. */
const FACTORS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;
const SEED = 0x165667b1;

export class DigestTree {
  /** By level, four words a node; the last level is that of the leaves. */
  readonly #levels: readonly Uint32Array[];

  private constructor(levels: readonly Uint32Array[]) {
    this.#levels = levels;
  }

  /** @throws {AssertionError} the leaves are no power of two, or more than `LEAVES_MAX`. */
  static of(leaves: LeafDigests): DigestTree {
    const count = leaves.rows.length;
    assert(isLeafCount(count), `${count} leaves: a power of two up to ${LEAVES_MAX}`);
    assert(leaves.hashes.length === WORDS * count, "each leaf has four words of hashes");
    const levels = [leafNodes(leaves)];
    while (levels[0]!.length > WORDS) levels.unshift(parentsOf(levels[0]!));
    return new DigestTree(levels);
  }

  get leaves(): number {
    return this.#levels.at(-1)!.length / WORDS;
  }

  /** Levels below the root: how many times to descend to the leaves. */
  get depth(): number {
    return this.#levels.length - 1;
  }

  get root(): string {
    return this.digest(0, 0);
  }

  /** Of one node, 32 hexadecimal digits. @param level 0 is the root, `depth` that of the leaves. */
  digest(level: number, node: number): string {
    const nodes = this.#levels[level];
    assert(nodes !== undefined && node >= 0 && WORDS * node < nodes.length, "there is such a node");
    let text = "";
    for (let word = 0; word < WORDS; word += 1)
      text += nodes[WORDS * node + word]!.toString(16).padStart(8, "0");
    return text;
  }

  /** The nodes below a node, on the level after its own, first to last. */
  childrenOf(level: number, node: number): number[] {
    assert(level >= 0 && level < this.depth, "leaves have no children");
    const fanout = this.#levels[level + 1]!.length / this.#levels[level]!.length;
    return Array.from({ length: fanout }, (_, index) => fanout * node + index);
  }
}

/** Nodes of one level that are not known to be equal. */
export interface Frontier {
  readonly level: number;
  readonly nodes: readonly number[];
}

/** Where a descent begins. */
export const WHOLE: Frontier = { level: 0, nodes: [0] };

/** What to ask another tree for: the digests of a frontier's nodes, in order. */
export function digestsOf(tree: DigestTree, { level, nodes }: Frontier): string[] {
  return nodes.map((node) => tree.digest(level, node));
}

/** The frontier's nodes whose digests differ. @param theirs of `digestsOf` on the other side, of the same frontier. */
export function differingNodes(mine: DigestTree, frontier: Frontier, theirs: readonly string[]): Frontier {
  const { level, nodes } = frontier;
  assert(theirs.length === nodes.length, "a digest for each node");
  return { level, nodes: nodes.filter((node, index) => mine.digest(level, node) !== theirs[index]) };
}

/** The children of all nodes of a frontier; undefined once it is that of the leaves. */
export function descend(tree: DigestTree, { level, nodes }: Frontier): Frontier | undefined {
  if (level >= tree.depth) return undefined;
  return { level: level + 1, nodes: nodes.flatMap((node) => tree.childrenOf(level, node)) };
}

/** The descent with both trees at hand. @returns the leaves that differ, rising, and how many digests were compared. */
export function differingLeaves(
  one: DigestTree,
  other: DigestTree,
): { readonly leaves: readonly number[]; readonly compared: number } {
  assert(one.leaves === other.leaves, "only trees of as many leaves can be compared");
  let compared = 0;
  let frontier: Frontier = WHOLE;
  for (;;) {
    compared += frontier.nodes.length;
    const differing = differingNodes(one, frontier, digestsOf(other, frontier));
    const next = descend(one, differing);
    if (next === undefined) return { leaves: differing.nodes, compared };
    if (next.nodes.length === 0) return { leaves: [], compared };
    frontier = next;
  }
}

export function isLeafCount(count: number): boolean {
  return count >= 1 && count <= LEAVES_MAX && Number.isInteger(Math.log2(count));
}

function leafNodes({ rows, hashes }: LeafDigests): Uint32Array {
  const nodes = new Uint32Array(hashes.length);
  for (let leaf = 0; leaf < rows.length; leaf += 1) {
    for (let lane = 0; lane < WORDS; lane += 1) {
      let state = mix(SEED ^ FACTORS[lane]!, rows[leaf]!);
      for (let word = 0; word < WORDS; word += 1) state = mix(state, hashes[WORDS * leaf + word]!);
      nodes[WORDS * leaf + lane] = state;
    }
  }
  return nodes;
}

function parentsOf(children: Uint32Array): Uint32Array {
  const count = children.length / WORDS;
  const fanout = Math.min(FANOUT, count);
  const parents = new Uint32Array(children.length / fanout);
  for (let parent = 0; parent < count / fanout; parent += 1) {
    const start = WORDS * fanout * parent;
    for (let lane = 0; lane < WORDS; lane += 1) {
      let state = SEED ^ FACTORS[lane]!;
      for (let word = start; word < start + WORDS * fanout; word += 1) state = mix(state, children[word]!);
      parents[WORDS * parent + lane] = state;
    }
  }
  return parents;
}

/** One step of a hash: a rotation, so that the order counts, and two multiplications (MurmurHash3, Appleby). */
function mix(state: number, word: number): number {
  let scrambled = Math.imul(word, 0xcc9e2d51);
  scrambled = (scrambled << 15) | (scrambled >>> 17);
  const joined = state ^ Math.imul(scrambled, 0x1b873593);
  const rotated = (joined << 13) | (joined >>> 19);
  const next = Math.imul(rotated, 5) + 0xe6546b64;
  return (next ^ (next >>> 16)) | 0;
}
