/** A log that a test writes by hand. Each entry is folded at once, and the answer is what its client would be told. */
import type { BatchEntry, Entry, OrderedEntry } from "../../../../services/core/entry.ts";
import type { LeaseState } from "../../../../services/core/fields/authoritative/lease.ts";
import type { FoldResult } from "../../../../services/core/fold/fold.ts";
import type { OperationOutcome } from "../../../../services/core/fold/state.ts";
import { chain, sha256, ZERO_HASH } from "../../../../services/core/hash.ts";
import {
  advanceHlc,
  hlcFromMilliseconds,
  maxHlc,
  ZERO_HLC,
  type Hlc,
} from "../../../../services/core/hlc.ts";
import type { JsonValue } from "../../../../services/core/json.ts";
import { uuidOf } from "../../../../services/core/operation-id.ts";
import { recordIdText, type Operation } from "../../../../services/core/operation.ts";
import type { Proposal, ProposedWrite } from "../../../../services/core/proposal.ts";
import { showFields, type StoredRecord } from "../../../../services/core/record.ts";
import {
  CLAIM_FIELD,
  CLAIMS_COLLECTION,
  LEASE_FIELD,
  leaseRecord,
} from "../../../../services/core/reserved.ts";
import { defaultsOf, type CollectionSchema } from "../../../../services/core/schema.ts";
import { StrictStore } from "./strict-store.ts";
import { changesOf, COLLECTION, PEOPLE, type Operators } from "./writes.ts";

export const REGIONS = ["ap", "eu", "us"] as const;
export type Region = (typeof REGIONS)[number];
export const TENANT = "acme";
export const START_MS = 1_000_000;
const DEADLINE_MS = 60_000;

export type Given = Partial<Proposal> & { readonly origin?: Region };

interface LocalWrite {
  readonly key: string;
  readonly operators: Operators;
  /** The log position that the region has folded; default: all of it. */
  readonly seen?: number;
  /** The region's clock; default: log time, and after all that the region has seen. */
  readonly hlc?: Hlc;
  readonly id?: string;
}

interface OriginLog {
  readonly sequence: number;
  readonly chain: string;
  readonly hlc: Hlc;
}

export class TestLog {
  readonly store = new StrictStore();
  readonly entries: OrderedEntry[] = [];
  /** When the log stores the next entry. */
  nowMs = START_MS;
  #ids = 0;
  readonly #origins = new Map<Region, OriginLog>();

  constructor({ schema = PEOPLE }: { readonly schema?: CollectionSchema } = {}) {
    const cluster = uuidOf("cluster");
    this.put({ kind: "genesis", cluster, partition: 0, partitions: 1, members: REGIONS });
    this.schema(COLLECTION, schema);
  }

  get position(): number {
    return this.store.state.position;
  }

  put(entry: Entry): FoldResult {
    const position = this.position + 1;
    const ordered = { position, storedAtMs: this.nowMs, checksum: sha256(String(position)), entry };
    this.entries.push(ordered);
    return this.store.fold([ordered]);
  }

  schema(name: string, schema: CollectionSchema): string {
    const id = this.#nextId();
    const deadlineMs = Number.MAX_SAFE_INTEGER;
    const about = { tenant: TENANT, name, version: null, schema } as const;
    return verdict(
      this.put({ kind: "schema", origin: "eu", id, requestHash: sha256(id), deadlineMs, ...about }),
    );
  }

  /** @returns "committed", or what `explain` says of a rejection, or "expired", or "duplicate". */
  propose(writes: ProposedWrite | readonly ProposedWrite[], given: Given = {}): string {
    return verdict(this.proposeAll([this.proposal(writes, given)], given.origin));
  }

  /** Proposals that one gateway has gathered into one entry. */
  proposeAll(proposals: readonly Proposal[], origin: string = "eu"): FoldResult {
    return this.put({ kind: "propose", origin, proposals });
  }

  proposal(writes: ProposedWrite | readonly ProposedWrite[], given: Given = {}): Proposal {
    const { origin: _, ...rest } = given;
    const id = this.#nextId();
    return {
      id,
      tenant: TENANT,
      requestHash: sha256(id),
      hlc: hlcFromMilliseconds(this.nowMs),
      deadlineMs: this.nowMs + DEADLINE_MS,
      fences: [],
      writes: "collection" in writes ? [writes] : writes,
      ...rest,
    };
  }

  /** A local write, as the region's relay ships it. */
  write(origin: Region, given: LocalWrite): OperationOutcome {
    return this.ship(origin, given).outcomes[0]!;
  }

  ship(origin: Region, given: LocalWrite): FoldResult {
    const { key, operators, seen = this.position, id = this.#nextId() } = given;
    const before = this.#origins.get(origin) ?? { sequence: 0, chain: ZERO_HASH, hlc: ZERO_HLC };
    const hlc = given.hlc ?? this.#clock(before, seen);
    const place = { tenant: TENANT, collection: COLLECTION, key, hlc, seen };
    const operation: Operation = { id, ...place, requestHash: sha256(id), changes: changesOf(operators) };
    const text = JSON.stringify(operation);
    const sequence = before.sequence + 1;
    this.#origins.set(origin, { sequence, chain: chain(before.chain, text), hlc });
    const range = { epoch: 1, first: sequence, last: sequence, previous: before.chain };
    const batch: BatchEntry = { kind: "batch", origin, ...range, operations: [{ operation, text }] };
    return this.put(batch);
  }

  tick(origin: Region): void {
    const { sequence: walHead, hlc } = this.#origins.get(origin) ?? { sequence: 0, hlc: ZERO_HLC };
    const about = { appliedPosition: this.position, chain: ZERO_HASH, software: "test", reads: 1 };
    this.put({ kind: "tick", origin, hlc, walHead, ...about });
  }

  /** What is kept of a record; undefined where there is none. */
  record(key: string): StoredRecord | undefined {
    return this.store.records.get(recordIdText({ tenant: TENANT, collection: COLLECTION, key }));
  }

  /** The fields as a client reads them, and also those that a deleted record would come back with. */
  shown(key: string): { [field: string]: JsonValue } {
    const record = this.record(key);
    return record === undefined ? {} : showFields(record.fields, defaultsOf(PEOPLE));
  }

  lease(name: string): Omit<LeaseState, "kind"> | undefined {
    const state = this.store.records.get(recordIdText(leaseRecord(TENANT, name)))?.fields[LEASE_FIELD];
    if (state === undefined) return undefined;
    const { holder, token, expiresAtMs } = state as LeaseState;
    return { holder, token, expiresAtMs };
  }

  /** `{"people email \"a\"": "one"}`: who has which unique value, by the claims that are kept. */
  claims(): { [value: string]: JsonValue } {
    const claims = [...this.store.records.values()].filter((row) => row.collection === CLAIMS_COLLECTION);
    return Object.fromEntries(
      claims.map(({ key, fields }) => [key.replaceAll("\n", " "), showFields(fields)[CLAIM_FIELD]!]),
    );
  }

  #clock(before: OriginLog, seen: number): Hlc {
    const next = maxHlc(hlcFromMilliseconds(this.nowMs), advanceHlc(before.hlc, 1));
    return seen < this.position ? next : maxHlc(next, advanceHlc(this.store.state.hlc, 1));
  }

  #nextId(): string {
    this.#ids += 1;
    return uuidOf("operation", String(this.#ids));
  }
}

/** What became of the one proposal of an entry. */
export function verdict({ outcomes, counts }: FoldResult): string {
  if (outcomes.length > 0) return outcomes.map(explain).join("; ");
  if (counts.expired > 0) return "expired";
  return counts.duplicates > 0 ? "duplicate" : "nothing";
}

/** "committed", or of a rejection its code, the write and the field: `unique #1 email`. */
export function explain({ status, rejection }: OperationOutcome): string {
  if (rejection === undefined) return status;
  const { code, write, field } = rejection;
  return [code, ...(write === undefined ? [] : [`#${write}`]), ...(field === undefined ? [] : [field])].join(
    " ",
  );
}
