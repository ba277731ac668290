/** A log in the test's hands, folded into a store by the core's fold. */
import type {
  BatchEntry,
  Entry,
  LoggedOperation,
  ProposeEntry,
  SchemaEntry,
} from "../../../services/core/entry.ts";
import { walTailOf } from "../../../services/applier/fold-group.ts";
import { foldEntries, sliceOf, type FoldResult } from "../../../services/core/fold/fold.ts";
import {
  INITIAL_ORIGIN,
  initialPartitionState,
  type FoldSlice,
  type PartitionState,
} from "../../../services/core/fold/state.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { advanceHlc, hlcFromMilliseconds, type Hlc } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Proposal } from "../../../services/core/proposal.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { encodeOperation } from "../../../services/protocol/entry-codec.ts";
import { decodeChanges } from "../../../services/protocol/change-codec.ts";
import type { RegionStore, WalAppend, WalRow } from "../../../services/ports/region-store.ts";
import { nextId, REGION, MEMBERS, NOW_MS, TENANT } from "./operations.ts";

export const NOTHING: FoldSlice = { records: new Map(), operations: new Map() };

export function genesis(partition: number): Entry {
  return { kind: "genesis", cluster: uuidOf("cluster"), partition, partitions: 2, members: MEMBERS };
}

export function ordered(position: number, entry: Entry) {
  return { position, storedAtMs: NOW_MS + position, checksum: sha256(`entry ${position}`), entry };
}

export async function openLog(store: RegionStore, partition = 0): Promise<TestLog> {
  const log = new TestLog(store, initialPartitionState(partition));
  await log.fold(genesis(partition));
  return log;
}

/** A log of one partition in the test's hands, folded into a store by the core's fold. */
export class TestLog {
  state: PartitionState;
  readonly operationIds: string[] = [];
  readonly #store: RegionStore;
  readonly #entries: Entry[] = [];
  /** Chain and watermark of each origin at the end of what was batched, folded or not. */
  readonly #ends = new Map<string, { chain: string; watermark: number; hlc: Hlc }>();

  constructor(store: RegionStore, state: PartitionState) {
    this.#store = store;
    this.state = state;
  }

  /** Folds entries in one commit, as an applier does. */
  async fold(...entries: readonly Entry[]): Promise<FoldResult> {
    const result = await this.#foldOnce(entries, undefined);
    this.#entries.push(...entries);
    return result;
  }

  /** The same, where the store is to look whether its WAL has what is folded of its region. */
  async foldLooking(...entries: readonly Entry[]): Promise<FoldResult> {
    const result = await this.#foldOnce(entries, REGION);
    this.#entries.push(...entries);
    return result;
  }

  async #foldOnce(entries: readonly Entry[], region: string | undefined): Promise<FoldResult> {
    const batch = entries.map((entry, index) => ordered(this.state.position + 1 + index, entry));
    const { records, operations } = sliceOf(batch);
    const { partition, position } = this.state;
    const slice = await this.#store.loadSlice({ partition, records: [...records.values()], operations });
    const result = foldEntries({ state: this.state, slice, entries: batch });
    const tail = region === undefined ? undefined : walTailOf(batch, { result, region });
    await this.#store.commitFold({ expectedPosition: position, result, tail });
    for (const joined of Object.keys(result.membership?.joined ?? {})) this.#ends.delete(joined);
    this.state = result.state;
    return result;
  }

  /** As an applier that starts: all it knows is what the store has kept. */
  async restart(): Promise<void> {
    this.state = await this.#store.loadPartition(this.state.partition);
  }

  /** What the fold makes of the whole log without any store. */
  foldInMemory(): FoldResult {
    const entries = this.#entries.map((entry, index) => ordered(index + 1, entry));
    return foldEntries({ state: initialPartitionState(this.state.partition), slice: NOTHING, entries });
  }

  /** Folds the store's own WAL on from its watermark. */
  async foldWal(rowsMax = 100_000): Promise<void> {
    const { partition, origins } = this.state;
    const after = origins[REGION]!.watermark;
    const rows = await this.#store.readWal({ partition, after, rowsMax, bytesMax: 1_000_000_000 });
    if (rows.length > 0) await this.fold(this.#entry(REGION, rows.map(toLogged)));
  }

  /** The next batch of an origin: what another region's relay would have sent. */
  batch(origin: string, operations: readonly WalAppend[], firstHlc?: Hlc): BatchEntry {
    const start = this.#ends.get(origin)?.hlc ?? hlcFromMilliseconds(NOW_MS);
    const first = firstHlc ?? advanceHlc(start, 1);
    return this.#entry(
      origin,
      operations.map((operation, index) =>
        toLogged({ ...operation, seen: 0, hlc: advanceHlc(first, index) }),
      ),
    );
  }

  /** A batch that follows on a given state. */
  batchAfter(state: PartitionState, origin: string, operations: readonly WalAppend[]): BatchEntry {
    return new TestLog(this.#store, state).batch(origin, operations);
  }

  tick(origin: string): Entry {
    const hlc = hlcFromMilliseconds(NOW_MS + 1);
    const appliedPosition = this.state.position;
    return {
      kind: "tick", origin, hlc, walHead: 1_000, appliedPosition, chain: this.state.chain, software: "test", reads: 1,
    }; // prettier-ignore
  }

  /** @param options the schema, or the names of fields that hold any value. */
  schema(options: {
    name: string;
    tenant?: string;
    fields?: readonly string[];
    schema?: CollectionSchema;
  }): SchemaEntry {
    const { name, tenant = TENANT, fields = ["note"] } = options;
    const id = nextId();
    const plain = { fields: Object.fromEntries(fields.map((field) => [field, { class: "lww" } as const])) };
    const { schema = plain } = options;
    const deadlineMs = NOW_MS + 1_000_000;
    return {
      kind: "schema", origin: "us", id, requestHash: sha256(id), tenant, name, deadlineMs, version: null, schema,
    }; // prettier-ignore
  }

  /** What a gateway of another region has gathered; made by `proposal`. */
  propose(...proposals: readonly Proposal[]): ProposeEntry {
    return { kind: "propose", origin: "us", proposals };
  }

  #entry(origin: string, operations: readonly LoggedOperation[]): BatchEntry {
    const { watermark, chain } = this.#ends.get(origin) ?? this.state.origins[origin] ?? INITIAL_ORIGIN;
    const last = watermark + operations.length;
    this.operationIds.push(...operations.map(({ operation }) => operation.id));
    // Of a relay that goes on after all that the log has seen.
    const epoch = Math.max(1, this.state.origins[origin]?.epoch ?? 1);
    const entry: BatchEntry = {
      kind: "batch", origin, epoch, first: watermark + 1, last, previous: chain, operations,
    }; // prettier-ignore
    const end = operations.reduce((head, { text }) => sha256(`${head}\n${text}`), chain);
    this.#ends.set(origin, { chain: end, watermark: last, hlc: operations.at(-1)!.operation.hlc });
    return entry;
  }
}

function toLogged(row: Omit<WalRow, "sequence">): LoggedOperation {
  const { id, tenant, collection, key, hlc, seen, requestHash, body } = row;
  const operation = { id, tenant, collection, key, hlc, seen, requestHash, changes: decodeChanges(body) };
  return { operation, text: encodeOperation({ ...operation, body }) };
}
