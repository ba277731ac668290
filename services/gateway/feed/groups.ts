/** Who is told of which record. Strands of equal filters and kinds form a group, which is looked for and written for once. */
import { coveringRanges, filterText, type FeedFilter, type IdRange } from "../../core/feed/filter.ts";
import { recordIdText, type RecordId } from "../../core/operation.ts";
import type { ToldKind } from "./told-record.ts";

/** More make the look at the changes dearer than what they spare. */
const RANGES_MAX = 128;

export interface Member {
  readonly filter: FeedFilter;
  readonly kind: ToldKind;
}

export interface Group<Of extends Member> extends Member {
  readonly members: Set<Of>;
}

/** Groups of one collection by their prefixes. A key is looked up once for each length that prefixes have. */
class PrefixGroups<Of extends Member> {
  readonly #byPrefix = new Map<string, Set<Group<Of>>>();
  #lengths: readonly number[] = [];

  get isEmpty(): boolean {
    return this.#byPrefix.size === 0;
  }

  add(prefix: string, group: Group<Of>): void {
    const groups = this.#byPrefix.get(prefix) ?? new Set();
    this.#byPrefix.set(prefix, groups.add(group));
    this.#countLengths();
  }

  remove(prefix: string, group: Group<Of>): void {
    const groups = this.#byPrefix.get(prefix);
    groups?.delete(group);
    if (groups?.size === 0) this.#byPrefix.delete(prefix);
    this.#countLengths();
  }

  *of(key: string): Generator<Group<Of>> {
    for (const length of this.#lengths) {
      if (length <= key.length) yield* this.#byPrefix.get(key.slice(0, length)) ?? [];
    }
  }

  #countLengths(): void {
    this.#lengths = [...new Set(Array.from(this.#byPrefix.keys(), (prefix) => prefix.length))];
  }
}

export class Groups<Of extends Member> {
  readonly #groups = new Map<string, Group<Of>>();
  readonly #byRecord = new Map<string, Set<Group<Of>>>();
  readonly #byCollection = new Map<string, PrefixGroups<Of>>();
  #ranges: readonly IdRange[] | undefined;
  #viewing = 0;

  get size(): number {
    return this.#groups.size;
  }

  /** Whether anybody is told what is pending. */
  get isViewing(): boolean {
    return this.#viewing > 0;
  }

  /** Where all that anybody is told of lies, and perhaps more. */
  get ranges(): readonly IdRange[] {
    return (this.#ranges ??= coveringRanges(
      Array.from(this.#groups.values(), ({ filter }) => filter),
      RANGES_MAX,
    ));
  }

  add(member: Of): void {
    const text = groupText(member);
    const known = this.#groups.get(text);
    if (known !== undefined) return void known.members.add(member);
    const group = { filter: member.filter, kind: member.kind, members: new Set([member]) };
    this.#groups.set(text, group);
    this.#place(group);
    this.#ranges = undefined;
    if (group.kind === "view") this.#viewing += 1;
  }

  remove(member: Of): void {
    const text = groupText(member);
    const group = this.#groups.get(text);
    if (group?.members.delete(member) !== true || group.members.size > 0) return;
    this.#groups.delete(text);
    this.#displace(group);
    this.#ranges = undefined;
    if (group.kind === "view") this.#viewing -= 1;
  }

  *of(record: RecordId): Generator<Group<Of>> {
    yield* this.#byRecord.get(recordIdText(record)) ?? [];
    yield* this.#byCollection.get(collectionText(record))?.of(record.key) ?? [];
  }

  *members(): Generator<Of> {
    for (const { members } of this.#groups.values()) yield* members;
  }

  #place(group: Group<Of>): void {
    const { tenant, collection, key, prefix = "" } = group.filter;
    if (key !== undefined) {
      const id = recordIdText({ tenant, collection, key });
      this.#byRecord.set(id, (this.#byRecord.get(id) ?? new Set()).add(group));
      return;
    }
    const text = collectionText(group.filter);
    const prefixes = this.#byCollection.get(text) ?? new PrefixGroups<Of>();
    this.#byCollection.set(text, prefixes);
    prefixes.add(prefix, group);
  }

  #displace(group: Group<Of>): void {
    const { tenant, collection, key, prefix = "" } = group.filter;
    if (key !== undefined) {
      const id = recordIdText({ tenant, collection, key });
      const groups = this.#byRecord.get(id);
      groups?.delete(group);
      if (groups?.size === 0) this.#byRecord.delete(id);
      return;
    }
    const text = collectionText(group.filter);
    const prefixes = this.#byCollection.get(text);
    prefixes?.remove(prefix, group);
    if (prefixes?.isEmpty === true) this.#byCollection.delete(text);
  }
}

function groupText({ filter, kind }: Member): string {
  return `${kind}\n${filterText(filter)}`;
}

function collectionText({ tenant, collection }: { tenant: string; collection: string }): string {
  return `${tenant}\n${collection}`;
}
