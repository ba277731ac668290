/** Which processes of a simulated region read what. Whoever has not told reads all: software that tells nothing is not simulated. */
import type { StateHead } from "../../services/ports/bootstraps.ts";
import {
  RoleRefusedError,
  type EntryVersions,
  type NeededVersion,
  type ToldProcess,
} from "../../services/ports/entry-versions.ts";

const SILENT_MS = 10_000;
const PROMISE_MS = 18_000;
/** A promise is written anew only where it would run out within this time. */
const RENEW_MS = 15_000;

interface Held {
  needed: number;
  software: string | undefined;
  promised: number;
  untilMs: number;
}

type Options<Name extends keyof EntryVersions> = Parameters<EntryVersions[Name]>[0];

export class SimulatedEntryVersions {
  readonly #nowMs: () => number;
  readonly #told = new Map<string, ToldProcess & { atMs: number }>();
  readonly #held = new Map<number, Held>();

  /** @param nowMs the database's own clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  tell(process: ToldProcess): void {
    this.#told.set(process.id, { ...process, atMs: this.#nowMs() });
  }

  forget(id: string): void {
    this.#told.delete(id);
  }

  list(): ToldProcess[] {
    const afterMs = this.#nowMs() - SILENT_MS;
    return [...this.#told.values()]
      .filter(({ atMs }) => atMs > afterMs)
      .map(({ id, software, reads, mayFold }) => ({ id, software, reads, mayFold }))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  }

  promise({ partition, reads }: Options<"promiseReads">): number {
    const held = this.#of(partition);
    const told = this.list().flatMap((process) => (process.mayFold ? [process.reads] : []));
    const promised = Math.max(held.needed, Math.min(reads, ...told));
    const isHeldLong = held.promised === promised && held.untilMs >= this.#nowMs() + RENEW_MS;
    if (!isHeldLong) this.#raise(held, promised, PROMISE_MS);
    return promised;
  }

  standAside({ partition, version, forMs }: Options<"standAside">): void {
    this.#raise(this.#of(partition), version, forMs);
  }

  need({ partition, version, software }: Options<"needVersion">): void {
    const held = this.#of(partition);
    if (held.needed < version) Object.assign(held, { needed: version, software });
  }

  needed(): NeededVersion[] {
    return [...this.#held]
      .map(([partition, { needed: version, software }]) => ({ partition, version, software }))
      .toSorted((one, other) => one.partition - other.partition);
  }

  /** Of a partition's state, as its snapshot says it. */
  needsOf(partition: number): StateHead["needs"] {
    const { needed: version, software } = this.#of(partition);
    return software === undefined ? undefined : { version, software };
  }

  /** Why the holder may not be the applier; undefined where it may. */
  refusal({ partition, holder }: { partition: number; holder: string }): RoleRefusedError | undefined {
    const reads = this.#told.get(holder)?.reads ?? Infinity;
    const { needed, promised, untilMs } = this.#of(partition);
    if (needed > reads) {
      const message = `partition ${partition} holds what entries of version ${needed} have made`;
      return new RoleRefusedError(message, { isForGood: true });
    }
    if (promised <= reads || untilMs <= this.#nowMs()) return undefined;
    const message = `partition ${partition} may get entries of version ${promised} at any moment`;
    return new RoleRefusedError(message, { isForGood: false });
  }

  #raise(held: Held, promised: number, forMs: number): void {
    const nowMs = this.#nowMs();
    if (held.promised <= promised || held.untilMs < nowMs)
      Object.assign(held, { promised, untilMs: nowMs + forMs });
  }

  #of(partition: number): Held {
    let held = this.#held.get(partition);
    if (held === undefined) {
      held = { needed: 1, software: undefined, promised: 1, untilMs: -Infinity };
      this.#held.set(partition, held);
    }
    return held;
  }
}
