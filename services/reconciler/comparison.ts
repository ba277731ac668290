/**
 * Comparing the checkpoints of all regions at once: the rest → nodes, level by level → rows of the leaves that differ → records.
 *
 * No region is the reference: a node is followed where not all say the same, so that what is found is what differs between
 * any two. Bounded memory: leaves are read by rounds, and of the records a sample is kept.
 */
import { recordIdText, toRecordId, type RecordId } from "../core/operation.ts";
import type { StoredRecord } from "../core/record.ts";
import { descend, DigestTree, WHOLE, type Frontier } from "../core/verify/digest-tree.ts";
import { isDiffering, provenRow, type HeldRows } from "../core/verify/majority.ts";
import {
  DIFFERING_RECORDS_MAX,
  type DifferingRecord,
  type VerificationPhase,
} from "../ports/reconciliation.ts";
import { differingRest, outvotedRegions } from "./rest.ts";
import type { Peer } from "./peer.ts";

/** Rows of the leaves of a round, about, in each region. */
const ROUND_ROWS = 100_000;
const RECORDS_AT_ONCE = 200;
/** Records beyond these are counted by their digests, once one is known to differ. */
const RECORDS_READ_MAX = 20_000;
/** Of the sample, as text. */
const SAMPLE_BYTES_MAX = 16 * 1024 * 1024;

export type ComparedPeer = Pick<Peer, "region" | "digests" | "rows" | "records" | "rest">;

export interface ComparisonOptions {
  readonly peers: readonly ComparedPeer[];
  /** The same in all of them. */
  readonly leaves: number;
  /** Rows of the largest. */
  readonly rows: number;
  readonly operationsAbove: number;
  /** Of the cluster, also those that can't be compared. */
  readonly members: number;
  /** A new UUID. */
  readonly uuid: () => string;
  readonly onPhase: (phase: VerificationPhase) => void;
  readonly onFound: (found: ComparisonResult) => void;
}

export interface ComparisonResult {
  readonly records: number;
  /** By name. */
  readonly sample: readonly DifferingRecord[];
  readonly rest: readonly string[];
  /** Regions that differ in the rest from what most members say. */
  readonly outvoted: readonly string[];
  readonly sameInOtherWords: number;
}

export const NOTHING_FOUND: ComparisonResult = {
  records: 0,
  sample: [],
  rest: [],
  outvoted: [],
  sameInOtherWords: 0,
};

/** @throws {RegionProblemError} a region can't be compared to the end. */
export async function compareRegions(options: ComparisonOptions): Promise<ComparisonResult> {
  const { peers, operationsAbove, onPhase } = options;
  onPhase("descending");
  const told = await Promise.all(peers.map((peer) => peer.rest(operationsAbove)));
  const rest = differingRest(told);
  const byRegion = peers.map(({ region }, index) => ({ region, entries: told[index]! }));
  const outvoted = outvotedRegions(byRegion, { names: rest, members: options.members });
  const sample = new Sample({ rest, outvoted });
  options.onFound(sample.result);
  const leaves = await differingLeaves(options);
  if (leaves.length > 0) onPhase("reading");
  const perLeaf = Math.max(1, options.rows / options.leaves);
  const leavesAtOnce = Math.max(1, Math.floor(ROUND_ROWS / perLeaf));
  for (let at = 0; at < leaves.length; at += leavesAtOnce) {
    const differing = await differingIds(options, leaves.slice(at, at + leavesAtOnce));
    for (let from = 0; from < differing.length; from += RECORDS_AT_ONCE) {
      const ids = differing.slice(from, from + RECORDS_AT_ONCE);
      if (sample.isEnough) sample.count(ids.length);
      else await readRecords(options, ids.map(toRecordId), sample);
      options.onFound(sample.result);
    }
  }
  return sample.result;
}

async function differingLeaves({ peers, leaves }: ComparisonOptions): Promise<readonly number[]> {
  // Of its nodes only which there are is asked.
  const shape = DigestTree.of({ rows: new Uint32Array(leaves), hashes: new Uint32Array(4 * leaves) });
  let frontier: Frontier = WHOLE;
  for (;;) {
    const { level, nodes } = frontier;
    const told = await Promise.all(peers.map((peer) => peer.digests(frontier)));
    const differing = nodes.filter((_, index) => new Set(told.map((digests) => digests[index])).size > 1);
    const next: Frontier | undefined = descend(shape, { level, nodes: differing });
    if (next === undefined || differing.length === 0) return differing;
    frontier = next;
  }
}

/** Names of the rows that are not stored alike, in order. */
async function differingIds(options: ComparisonOptions, wanted: readonly number[]): Promise<string[]> {
  const { peers, leaves, uuid } = options;
  const hashes = new Map<string, (string | undefined)[]>();
  await Promise.all(
    peers.map(async (peer, index) => {
      for await (const rows of peer.rows(wanted, { leaves, reading: uuid() })) {
        for (const row of rows) {
          const id = recordIdText(row);
          const held = hashes.get(id) ?? Array.from<string | undefined>({ length: peers.length });
          held[index] = row.hash;
          hashes.set(id, held);
        }
      }
    }),
  );
  return [...hashes]
    .filter(([, held]) => new Set(held).size > 1)
    .map(([id]) => id)
    .toSorted();
}

async function readRecords(
  { peers, members }: ComparisonOptions,
  ids: readonly RecordId[],
  sample: Sample,
): Promise<void> {
  const held = await Promise.all(
    peers.map(async (peer) => {
      const records = await peer.records(ids);
      return new Map(records.map((record) => [recordIdText(record), record]));
    }),
  );
  for (const id of ids) {
    const rows: HeldRows = Object.fromEntries(
      peers.map((peer, index): [string, StoredRecord | null] => [
        peer.region,
        held[index]!.get(recordIdText(id)) ?? null,
      ]),
    );
    sample.add(id, rows, members);
  }
}

/** The first differing records by name, and how many there are. */
class Sample {
  readonly #besides: Pick<ComparisonResult, "rest" | "outvoted">;
  #records = 0;
  #read = 0;
  #sameInOtherWords = 0;
  #bytes = 0;
  #sample: DifferingRecord[] = [];

  constructor(besides: Pick<ComparisonResult, "rest" | "outvoted">) {
    this.#besides = besides;
  }

  get result(): ComparisonResult {
    const sample = this.#sample.toSorted(byName).slice(0, DIFFERING_RECORDS_MAX);
    return { ...this.#besides, records: this.#records, sample, sameInOtherWords: this.#sameInOtherWords };
  }

  /** To count the others costs more than it says. */
  get isEnough(): boolean {
    return this.#read >= RECORDS_READ_MAX && this.#records > 0;
  }

  count(records: number): void {
    this.#records += records;
  }

  add(id: RecordId, rows: HeldRows, members: number): void {
    this.#read += 1;
    if (!isDiffering(rows)) {
      this.#sameInOtherWords += 1;
      return;
    }
    this.#records += 1;
    this.#bytes += JSON.stringify(rows).length;
    if (this.#bytes > SAMPLE_BYTES_MAX && this.#sample.length > 0) return;
    this.#sample.push({ ...id, rows, proven: provenRow(rows, members) });
    if (this.#sample.length > 2 * DIFFERING_RECORDS_MAX)
      this.#sample = this.#sample.toSorted(byName).slice(0, DIFFERING_RECORDS_MAX);
  }
}

function byName(one: RecordId, other: RecordId): number {
  return recordIdText(one) < recordIdText(other) ? -1 : 1;
}
