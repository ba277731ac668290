/** Which records the log may have decided on together: what one of them is depends on no others. */
import type { OrderedEntry } from "../entry.ts";
import { recordsOfProposal } from "../fold/propose.ts";
import { recordsOfRepair } from "../fold/repair.ts";
import { recordIdText, type RecordId } from "../operation.ts";

/** Groups that grow together while entries are told of (union–find; Tarjan 1975). */
export class RelatedRecords {
  readonly #parents = new Map<string, string>();

  tell(entry: OrderedEntry["entry"]): void {
    if (entry.kind === "propose")
      entry.proposals.forEach((proposal) => this.#join(recordsOfProposal(proposal)));
    if (entry.kind === "repair")
      for (const repair of entry.records) this.#join(recordsOfRepair({ ...entry, records: [repair] }));
  }

  /** Names (`recordIdText`) of these records and of all that are related to any of them. */
  of(records: readonly RecordId[]): Set<string> {
    const names = records.map(recordIdText);
    const roots = new Set(names.map((name) => this.#root(name)));
    const related = [...this.#parents.keys()].filter((name) => roots.has(this.#root(name)));
    return new Set([...names, ...related]);
  }

  /** Records that were decided on with any other so far. */
  get size(): number {
    return this.#parents.size;
  }

  #join(records: readonly RecordId[]): void {
    const [first, ...others] = records.map(recordIdText);
    // What is alone in all that is told of it needs no group.
    if (first === undefined || others.length === 0) return;
    const root = this.#root(first);
    this.#parents.set(root, root);
    for (const other of others) this.#parents.set(this.#root(other), root);
  }

  #root(name: string): string {
    let root = name;
    for (let parent = this.#parents.get(root); parent !== undefined && parent !== root;) {
      root = parent;
      parent = this.#parents.get(root);
    }
    for (let at = name; at !== root;) {
      const parent = this.#parents.get(at)!;
      this.#parents.set(at, root);
      at = parent;
    }
    return root;
  }
}
