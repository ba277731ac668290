/**
 * The slow, obvious fold: it remembers every operation that the log has ordered and computes a field's value from the
 * whole list, straight from the definitions in the architecture. Nothing is shared with the fold but types.
 */
import type { Change } from "../../../services/core/fields/kind.ts";
import type { OrderedEntry } from "../../../services/core/entry.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import type { Operation } from "../../../services/core/operation.ts";

interface Taken {
  readonly origin: string;
  readonly position: number;
  readonly operation: Operation;
}

interface Write {
  readonly taken: Taken;
  readonly change: Change;
}

export class Oracle {
  readonly #members: readonly string[];
  readonly #taken: Taken[] = [];
  readonly #watermarks = new Map<string, number>();
  readonly #epochs = new Map<string, number>();

  constructor(members: readonly string[]) {
    this.#members = members;
  }

  take({ entry, position }: OrderedEntry): void {
    if (entry.kind !== "batch" || !this.#members.includes(entry.origin)) return;
    const epoch = this.#epochs.get(entry.origin) ?? 0;
    const watermark = this.#watermarks.get(entry.origin) ?? 0;
    if (entry.epoch < epoch || entry.first > watermark + 1) return;
    this.#epochs.set(entry.origin, entry.epoch);
    for (const [index, { operation }] of entry.operations.entries()) {
      const sequence = entry.first + index;
      if (sequence <= (this.#watermarks.get(entry.origin) ?? 0)) continue;
      this.#watermarks.set(entry.origin, sequence);
      if (this.#taken.some((taken) => taken.operation.id === operation.id)) continue;
      this.#taken.push({ origin: entry.origin, position, operation });
    }
  }

  get operations(): readonly Operation[] {
    return this.#taken.map((taken) => taken.operation);
  }

  /** Every field's value, as a client would see it. */
  fields(key: string): { [field: string]: JsonValue } {
    const writes = this.#taken
      .filter((taken) => taken.operation.key === key)
      .flatMap((taken) => taken.operation.changes.map((change) => ({ taken, change })));
    const names = new Set(writes.map((write) => write.change.field));
    const shown: { [field: string]: JsonValue } = {};
    for (const name of names) {
      const ofField = writes.filter((write) => write.change.field === name);
      const value = valueOf(ofField);
      if (value !== undefined) shown[name] = value;
    }
    return shown;
  }
}

/** Authoritative values have an oracle of their own. */
function valueOf(writes: readonly Write[]): JsonValue | undefined {
  const values = writes.map((write) => write.change.argument);
  switch (writes[0]!.change.kind) {
    case "lww":
      return latest(writes);
    case "counter":
      return (values as number[]).reduce((sum, value) => sum + value, 0);
    case "max":
      return Math.max(...(values as number[]));
    case "min":
      return Math.min(...(values as number[]));
    case "set":
      return elements(writes);
    case "map":
      return entries(writes);
    case "register":
      return writes
        .filter((write, index) => !writes.slice(index + 1).some((later) => happenedBefore(write, later)))
        .toSorted(byStamp)
        .map((write) => write.change.argument);
    case "escrow":
    case "value":
      throw new Error("a batch has no authoritative changes");
  }
}

/** By the architecture: position within what the later one had seen, or the same origin. */
function happenedBefore(earlier: Write, later: Write): boolean {
  return earlier.taken.origin === later.taken.origin || earlier.taken.position <= later.taken.operation.seen;
}

function byStamp(one: Write, other: Write): number {
  const text = ({ taken }: Write) => `${taken.operation.hlc} ${taken.origin}`;
  return text(one) < text(other) ? -1 : 1;
}

function latest(writes: readonly Write[]): JsonValue | undefined {
  const last = writes.toSorted(byStamp).at(-1)!;
  return last.change.operator === "set" ? last.change.argument : undefined;
}

/** An element is in the set if one addition of it was not seen by any later removal of it. */
function elements(writes: readonly Write[]): JsonValue[] {
  const found = new Set<string>();
  for (const [index, write] of writes.entries()) {
    if (write.change.operator !== "add") continue;
    for (const element of write.change.argument as JsonValue[]) {
      const removals = writes
        .slice(index + 1)
        .filter(
          ({ change }) => change.operator === "remove" && (change.argument as JsonValue[]).includes(element),
        );
      if (!removals.some((removal) => happenedBefore(write, removal))) found.add(JSON.stringify(element));
    }
  }
  return [...found].toSorted().map((text) => JSON.parse(text) as JsonValue);
}

function entries(writes: readonly Write[]): { [entry: string]: JsonValue } {
  const names = new Set(
    writes.flatMap(({ change }) =>
      change.operator === "put" ? Object.keys(change.argument as object) : (change.argument as string[]),
    ),
  );
  const shown = new Map<string, JsonValue>();
  for (const name of names) {
    const touching = writes.filter(({ change }) =>
      change.operator === "put"
        ? Object.hasOwn(change.argument as object, name)
        : (change.argument as string[]).includes(name),
    );
    const { change } = touching.toSorted(byStamp).at(-1)!;
    if (change.operator === "put")
      shown.set(name, (change.argument as { [entry: string]: JsonValue })[name]!);
  }
  return Object.fromEntries(shown);
}
