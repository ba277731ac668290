/**
 * Checks the invariants while a simulation runs. It reads the log and the databases from outside and folds the log
 * itself, one entry at a time, so that grouping, pipelining, crashes and retries in the code under test can't hide.
 */
import { addToDigest, digestText, EMPTY_DIGEST, rowHash, type Digest } from "../../services/core/digest.ts";
import { foldEntries } from "../../services/core/fold/fold.ts";
import { WAL_RUN_ROWS } from "../../services/core/fold/member.ts";
import {
  initialPartitionState,
  type Conflict,
  type OperationOutcome,
  type PartitionState,
} from "../../services/core/fold/state.ts";
import { canonicalJson } from "../../services/core/json.ts";
import { recordIdText, toRecordId } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import type { LogMessage } from "../../services/ports/global-log.ts";
import { orderedEntry } from "../../services/protocol/ordered-entry.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import { DecisionChecks } from "./decision-checks.ts";
import { require } from "./require.ts";
import { checkEscrows } from "./stock.ts";
import { trimmedIn, watchTrimming } from "./trim-checks.ts";

/** Of rows that are put into databases behind the code's back, and are no part of what is compared. */
export const PLANTED_COLLECTION = "planted";

/** The log folded by the checker, with the digest of the state at every position. */
class Reference {
  state: PartitionState;
  readonly records = new Map<string, StoredRecord>();
  readonly outcomes = new Map<string, OperationOutcome>();
  readonly conflicts: Conflict[] = [];
  /** By position. */
  readonly digests: string[] = [];
  readonly #decisions = new DecisionChecks(this.records);
  /** Positions of the outcomes. */
  readonly #operations = new Map<string, number>();
  #digest: Digest = EMPTY_DIGEST;

  constructor(partition: number) {
    this.state = initialPartitionState(partition);
    this.digests.push(stateDigest(this.state, this.#digest));
  }

  fold(message: LogMessage): void {
    const ordered = orderedEntry(message);
    const { entry } = ordered;
    const before = this.state.origins;
    const result = foldEntries({
      state: this.state,
      slice: {
        records: this.records,
        operations: this.#operations,
      },
      entries: [ordered],
    });
    this.#decisions.before(entry, result);
    if (entry.kind === "batch") this.#checkWatermark(before[entry.origin]?.watermark, entry, result.state);
    this.state = result.state;
    for (const [id, record] of result.records) {
      if (record !== null) checkEscrows(record, message.position);
      this.#replace(id, record ?? undefined);
    }
    for (const outcome of result.outcomes) {
      const before = this.outcomes.get(outcome.id);
      const isNew = before === undefined || before.position <= this.state.forgotten.position;
      require(isNew, "I4", `operation ${outcome.id} took effect twice`);
      this.outcomes.set(outcome.id, outcome);
      this.#operations.set(outcome.id, outcome.position);
    }
    this.conflicts.push(...result.conflicts);
    this.digests.push(stateDigest(this.state, this.#digest));
    this.#decisions.after(entry, result);
  }

  #checkWatermark(
    before: number | undefined,
    entry: { origin: string; first: number; last: number },
    state: PartitionState,
  ): void {
    const after = state.origins[entry.origin]?.watermark;
    if (before === undefined || after === undefined || after === before) return;
    require(entry.first <= before + 1 &&
      after === entry.last, "I3", `${entry.origin} went from ${before} to ${after}`);
  }

  #replace(id: string, record: StoredRecord | undefined): void {
    this.#digest = replaceInDigest(this.#digest, this.records.get(id), record);
    if (record === undefined) this.records.delete(id);
    else this.records.set(id, record);
  }
}

export class Checker {
  readonly #cluster: SimulatedCluster;
  readonly #references: readonly Reference[];
  /** Positions checked, by region and partition. */
  readonly #checked = new Map<string, number>();
  readonly violations: unknown[] = [];
  commitsChecked = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.#references = Array.from(
      { length: cluster.options.partitions },
      (_, partition) => new Reference(partition),
    );
    for (const region of cluster.regions) this.#watch(region);
    watchTrimming(cluster, this.violations);
  }

  reference(partition: number): Reference {
    const reference = this.#references[partition]!;
    for (const message of this.#cluster.servers.messages(partition).slice(reference.state.position))
      reference.fold(message);
    return reference;
  }

  /** Looks at every commit of a region as it happens. */
  #watch(region: SimulatedRegion): void {
    const { database } = region;
    const commit = database.commitFold.bind(database);
    const rows = new Map<string, StoredRecord>();
    const digests = new Map<number, Digest>();
    database.commitFold = (options) => {
      commit(options);
      const { partition } = options.result.state;
      let digest = digests.get(partition) ?? EMPTY_DIGEST;
      for (const id of options.result.records.keys()) {
        const stored = database.loadSlice({ partition, records: [toRecordId(id)], operations: [] });
        const record = stored.records.get(id);
        digest = replaceInDigest(digest, rows.get(id), record);
        if (record === undefined) rows.delete(id);
        else rows.set(id, record);
      }
      digests.set(partition, digest);
      // Thrown here it would reach the code under test, which retries what fails.
      try {
        this.#checkCommit(region, database.loadPartition(partition), digest);
      } catch (error) {
        this.violations.push(error);
      }
    };
    const lookAnew = () => {
      rows.clear();
      digests.clear();
      for (const key of this.#checked.keys())
        if (key.startsWith(`${region.name} `)) this.#checked.delete(key);
      for (const partition of database.partitionNumbers()) {
        const held = database
          .records(partition)
          .filter(({ collection }) => collection !== PLANTED_COLLECTION);
        for (const record of held) rows.set(recordIdText(record), record);
        digests.set(partition, held.reduce(addToDigest, EMPTY_DIGEST));
        this.#checked.set(`${region.name} ${partition}`, database.loadPartition(partition).position);
      }
    };
    const fallBack = database.fallBack.bind(database);
    database.fallBack = () => {
      fallBack();
      lookAnew();
    };
    const restore = database.restore.bind(database);
    database.restore = (copy) => {
      restore(copy);
      lookAnew();
    };
  }

  #checkCommit(region: SimulatedRegion, state: PartitionState, digest: Digest): void {
    const name = `${region.name} ${state.partition}`;
    const before = this.#checked.get(name) ?? 0;
    require(state.position > before, "I16", `${name} went from position ${before} to ${state.position}`);
    this.#checked.set(name, state.position);
    this.commitsChecked += 1;
    const expected = this.reference(state.partition).digests[state.position];
    require(expected ===
      stateDigest(state, digest), "I6", `${name} differs from the fold of the log at ${state.position}`);
  }

  /** I1: at the moment of the answer the operation is in the region's WAL, or the log has folded it already. */
  checkAcknowledged(region: SimulatedRegion, operation: string): void {
    const { database } = region;
    const stored = database.readOperation(operation) ?? database.lostOutcome(operation);
    require(stored !==
      undefined, "I1", `${region.name} acknowledged ${operation}, which is not in its database`);
  }

  /** I2: dense, and stamps rise with the sequence. */
  checkWal(region: SimulatedRegion): void {
    for (const partition of region.database.partitionNumbers()) {
      let lastHlc = "";
      let lastSeen = 0;
      const rows = region.database.walRows(partition);
      const end = region.database.walEnd(partition);
      let last = rows.length === 0 ? end : rows[0]!.sequence - 1;
      for (const row of rows) {
        // A run of sequences begins where a database has taken the place of another.
        const isNext =
          row.sequence === last + 1 || (row.sequence > last && row.sequence % WAL_RUN_ROWS === 1);
        require(isNext, "I2", `${region.name} has ${row.sequence} after ${last}`);
        last = row.sequence;
        require(row.hlc >
          lastHlc, "I2", `${region.name}: the stamp of ${row.sequence} is not later than the one before`);
        require(row.seen >= lastSeen, "I16", `${region.name}: ${row.sequence} saw less than the one before`);
        lastHlc = row.hlc;
        lastSeen = row.seen;
      }
      const isEnd = last === end || end % WAL_RUN_ROWS === 0;
      require(isEnd, "I2", `${region.name} has handed out ${end}, and holds ${last}`);
    }
  }

  trimmed(): ReturnType<typeof trimmedIn> {
    return trimmedIn(this.#cluster);
  }

  /** True when every region has folded the whole log, and the log holds every WAL. */
  isConverged(): boolean {
    return this.#cluster.regions.every((region) =>
      this.#references.every((_, partition) => {
        const state = region.database.loadPartition(partition);
        const reference = this.reference(partition).state;
        const walHead = region.database.walEnd(partition);
        return (
          state.position >= reference.position - 8 &&
          (reference.origins[region.name]?.watermark ?? -1) === walHead
        );
      }),
    );
  }

  checkFinalRows(): void {
    for (const region of this.#cluster.regions) {
      for (const [partition, reference] of this.#references.entries()) {
        const held = region.database
          .records(partition)
          .map((record) => `${recordIdText(record)} ${rowHash(record)}`);
        const expected = [...reference.records.values()].map(
          (record) => `${recordIdText(record)} ${rowHash(record)}`,
        );
        const isSame = canonicalJson(held.toSorted()) === canonicalJson(expected.toSorted());
        require(isSame, "I6", `${region.name} holds other rows than the log says in partition ${partition}`);
        this.#checkConflicts(region, partition);
      }
    }
  }

  /** What lost is the same in every region, under the same names. */
  #checkConflicts({ name, database }: SimulatedRegion, partition: number): void {
    const { position } = database.loadPartition(partition);
    const told = this.reference(partition).conflicts.filter((conflict) => conflict.position <= position);
    const held = database.conflicts(partition).map(({ partition: _, ...conflict }) => conflict);
    const isSame = canonicalJson(held) === canonicalJson(told);
    require(isSame, "I6", `${name} has other conflicts than the log says in partition ${partition}`);
  }
}

function replaceInDigest(
  digest: Digest,
  before: StoredRecord | undefined,
  after: StoredRecord | undefined,
): Digest {
  const rest = before === undefined ? digest : removeFromDigest(digest, before);
  return after === undefined ? rest : addToDigest(rest, after);
}

function removeFromDigest(digest: Digest, record: StoredRecord): Digest {
  const without = digest.sum - BigInt(`0x${rowHash(record)}`);
  const modulus = 1n << 256n;
  return { rows: digest.rows - 1, sum: ((without % modulus) + modulus) % modulus };
}

/** Of objects that nobody changes. */
const texts = new WeakMap<object, string>();

function textOf(value: object): string {
  const text = texts.get(value) ?? canonicalJson(value);
  texts.set(value, text);
  return text;
}

function stateDigest(state: PartitionState, rows: Digest): string {
  const {
    position,
    logTimeMs,
    hlc: stamp,
    chain,
    cluster,
    partitions,
    members,
    origins,
    collections,
    forgotten,
  } = state;
  // Written out, since a database hands members of objects back in another order.
  const known = Object.keys(origins).toSorted();
  const byOrigin = known.map((region) => {
    const { watermark, epoch, chain: head, hlc, tick, promise, joined } = origins[region]!;
    const told = [tick && canonicalJson(tick), promise?.walHead, promise?.hlc];
    return [region, watermark, epoch, head, hlc, ...told, joined];
  });
  const schemas = textOf(collections);
  const parts = [
    position,
    logTimeMs,
    stamp,
    chain,
    cluster,
    partitions,
    members,
    byOrigin,
    schemas,
    forgotten.position,
    forgotten.logTimeMs,
  ];
  return `${JSON.stringify(parts)} ${digestText(rows)}`;
}
