/**
 * Random histories: what three regions wrote, in the order that the log took, delivered as a bad day delivers it:
 * batches that overlap, come twice, come from a deposed relay, or miss what should be before them.
 */
import fc from "fast-check";
import type { BatchEntry, Entry, LoggedOperation, OrderedEntry } from "../../../services/core/entry.ts";
import type { Change } from "../../../services/core/fields/kind.ts";
import { chain, sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromInteger } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Operation } from "../../../services/core/operation.ts";
import { encodeOperation } from "../../../services/protocol/entry-codec.ts";
import { encodeChanges } from "../../../services/protocol/change-codec.ts";

export const REGIONS = ["eu", "us", "ap"] as const;
export const KEYS = ["one", "two"] as const;

const word = fc.constantFrom("red", "green", "blue", "__proto__", "constructor");
const number = fc.integer({ min: -20, max: 20 });

/** One arbitrary per kind. */
export const changesByKind: { readonly [kind: string]: fc.Arbitrary<Change> } = {
  lww: fc.oneof(
    fc.record({
      field: fc.constant("name"),
      kind: fc.constant("lww"),
      operator: fc.constant("set"),
      argument: word,
    }),
    fc.record({
      field: fc.constant("name"),
      kind: fc.constant("lww"),
      operator: fc.constant("unset"),
      argument: fc.constant(null),
    }),
  ),
  counter: fc.record({
    field: fc.constant("total"),
    kind: fc.constant("counter"),
    operator: fc.constant("inc"),
    argument: number,
  }),
  set: fc.record({
    field: fc.constant("tags"),
    kind: fc.constant("set"),
    operator: fc.constantFrom("add", "remove"),
    argument: fc.uniqueArray(fc.oneof(word, number, fc.boolean()), { maxLength: 3 }),
  }),
  map: fc.oneof(
    fc.record({
      field: fc.constant("settings"),
      kind: fc.constant("map"),
      operator: fc.constant("put"),
      argument: fc.dictionary(word, number, { maxKeys: 3, noNullPrototype: true }),
    }),
    fc.record({
      field: fc.constant("settings"),
      kind: fc.constant("map"),
      operator: fc.constant("drop"),
      argument: fc.uniqueArray(word, { maxLength: 2 }),
    }),
  ),
  register: fc.record({
    field: fc.constant("choice"),
    kind: fc.constant("register"),
    operator: fc.constant("set"),
    argument: word,
  }),
  max: fc.record({
    field: fc.constant("highest"),
    kind: fc.constant("max"),
    operator: fc.constant("raise"),
    argument: number,
  }),
  min: fc.record({
    field: fc.constant("lowest"),
    kind: fc.constant("min"),
    operator: fc.constant("lower"),
    argument: number,
  }),
} as { [kind: string]: fc.Arbitrary<Change> };

export const anyChange = fc.oneof(...Object.values(changesByKind));

/** One step of a history. Numbers are taken modulo what is possible at that point. */
export interface Step {
  readonly origin: (typeof REGIONS)[number];
  readonly key: (typeof KEYS)[number];
  readonly changes: readonly Change[];
  /** How far behind the log the origin was. */
  readonly behind: number;
  /** How far its stamp is ahead of the log's time, to make stamps and log order differ. */
  readonly ahead: number;
  /** Sends the id of an earlier operation again. */
  readonly repeats: boolean;
  readonly noise: "none" | "twice" | "overlap" | "gap" | "stale" | "stranger";
}

export function steps(change: fc.Arbitrary<Change>): fc.Arbitrary<Step[]> {
  const step = fc.record({
    origin: fc.constantFrom(...REGIONS),
    key: fc.constantFrom(...KEYS),
    changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    behind: fc.nat({ max: 12 }),
    ahead: fc.nat({ max: 6 }),
    repeats: fc.boolean(),
    noise: fc.constantFrom<Step["noise"][]>(
      "none",
      "none",
      "none",
      "twice",
      "overlap",
      "gap",
      "stale",
      "stranger",
    ),
  });
  return fc.array(step, { maxLength: 40 });
}

interface OriginLog {
  readonly operations: LoggedOperation[];
  readonly chains: string[];
  seen: number;
  stamp: number;
}

/** Builds the log of a history. With `noise` off every operation has one entry of its own. */
export function buildLog(history: readonly Step[], options: { noise: boolean }): OrderedEntry[] {
  const origins = new Map<string, OriginLog>(
    REGIONS.map((region) => [region, { operations: [], chains: [ZERO_HASH], seen: 0, stamp: 0 }]),
  );
  const entries: OrderedEntry[] = [];
  const put = (entry: Entry) => {
    const position = entries.length + 1;
    entries.push({ position, storedAtMs: 1_000 + position, checksum: sha256(String(position)), entry });
  };
  put({ kind: "genesis", cluster: uuidOf("cluster"), partition: 0, partitions: 1, members: REGIONS });
  const ids: string[] = [];
  for (const [index, step] of history.entries()) {
    const log = origins.get(step.origin)!;
    log.seen = Math.max(log.seen, entries.length - step.behind, 0);
    log.stamp = Math.max(log.stamp + 1, index * 2 + step.ahead);
    const isRepeat = step.repeats && ids.length > 0 && index % 5 === 0;
    const id = isRepeat ? ids[index % ids.length]! : uuidOf(String(index));
    ids.push(id);
    addOperation(log, { step, id });
    const sequence = log.operations.length;
    if (options.noise && step.noise === "gap")
      put(batchOf(step.origin, log, { first: sequence + 1, last: sequence + 1 }));
    put(batchOf(step.origin, log, { first: sequence, last: sequence }));
    if (options.noise) for (const entry of noiseOf(step, log, sequence)) put(entry);
  }
  return entries;
}

function addOperation(log: OriginLog, { step, id }: { step: Step; id: string }): void {
  const { key, changes } = step;
  const body = encodeChanges(changes);
  const hlc = hlcFromInteger(BigInt(log.stamp) << 16n);
  const operation: Operation = {
    id,
    tenant: "default",
    collection: "things",
    key,
    hlc,
    seen: log.seen,
    requestHash: sha256(body),
    changes,
  };
  const text = encodeOperation({ ...operation, body });
  log.operations.push({ operation, text });
  log.chains.push(chain(log.chains.at(-1)!, text));
}

function noiseOf(step: Step, log: OriginLog, sequence: number): Entry[] {
  switch (step.noise) {
    case "twice":
      return [batchOf(step.origin, log, { first: sequence, last: sequence })];
    case "overlap":
      return [batchOf(step.origin, log, { first: Math.max(1, sequence - 3), last: sequence })];
    case "stale":
      return [{ ...batchOf(step.origin, log, { first: sequence, last: sequence }), epoch: 0 }];
    case "stranger":
      return [{ ...batchOf(step.origin, log, { first: sequence, last: sequence }), origin: "mars" }];
    case "gap":
    case "none":
      return [];
  }
}

/** A batch of the origin's operations; one beyond the end stands for operations that got lost on the way. */
function batchOf(
  origin: string,
  log: OriginLog,
  { first, last }: { first: number; last: number },
): BatchEntry {
  const operations = log.operations.slice(first - 1, last);
  const isBeyond = operations.length === 0;
  return {
    kind: "batch",
    origin,
    epoch: 1,
    first,
    last,
    previous: log.chains[first - 1]!,
    operations: isBeyond ? [log.operations.at(-1)!] : operations,
  };
}
