/** The simulated twin of what is loaded from elsewhere. Every page is durable at once, which a real one need not be. */
import type { OperationOutcome } from "../../services/core/fold/state.ts";
import { canonicalJson } from "../../services/core/json.ts";
import { recordIdText } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import {
  NOTHING_LOADED,
  progressAfter,
  StaleBootstrapError,
  type Bootstrap,
  type BootstrapProgress,
  type Bootstraps,
} from "../../services/ports/bootstraps.ts";
import type { StoredConflict } from "../../services/ports/region-store.ts";
import { roundTrip } from "./document.ts";
import type { PartitionData } from "./partition-data.ts";

/** Of a partition, cleared at once. */
const CLEARED_ROWS = 50;

type Options<Name extends keyof Bootstraps> = Parameters<Bootstraps[Name]>[0];
type Named = Pick<Bootstrap, "partition" | "id">;

export interface LoadedDatabase {
  nowMs(): number;
  data(partition: number): PartitionData;
  records(): Map<string, StoredRecord & { readonly partition: number }>;
  /** Told of each outcome that is loaded. */
  known(partition: number, outcome: OperationOutcome): void;
  need(version: { partition: number; version: number; software: string }): void;
  /** Called by what waits for the disk. */
  makeDurable(): void;
}

export class SimulatedBootstraps {
  readonly #database: LoadedDatabase;
  readonly #bootstraps = new Map<number, Bootstrap>();

  constructor(database: LoadedDatabase) {
    this.#database = database;
  }

  /** Whether nothing may be folded. */
  isHeld(partition: number): boolean {
    const stage = this.#bootstraps.get(partition)?.stage;
    return stage === "clearing" || stage === "loading";
  }

  /** Whether its state was loaded, and not proven since. */
  isLoaded(partition: number): boolean {
    const stage = this.#bootstraps.get(partition)?.stage;
    return stage === "folding" || stage === "verifying";
  }

  read(): Bootstrap[] {
    return [...this.#bootstraps.values()].toSorted((one, other) => one.partition - other.partition);
  }

  order({ partition, id, reason }: Options<"orderBootstrap">): Bootstrap {
    const underWay = this.#bootstraps.get(partition);
    if (underWay !== undefined) return underWay;
    const startedAtMs = Math.floor(this.#database.nowMs());
    return this.#set({
      partition,
      id,
      reason,
      stage: "ordered",
      startedAtMs,
      source: undefined,
      progress: undefined,
    });
  }

  #set(bootstrap: Bootstrap): Bootstrap {
    this.#database.makeDurable();
    const { source, progress } = bootstrap;
    // As JSON, whose members come back in another order.
    const kept = {
      ...bootstrap,
      source: source && roundTrip(source),
      progress: progress && roundTrip(progress),
    };
    this.#bootstraps.set(bootstrap.partition, kept);
    return kept;
  }

  #find({ partition, id }: Named, stages: readonly Bootstrap["stage"][]): Bootstrap {
    const found = this.#bootstraps.get(partition);
    if (found?.id !== id || !stages.includes(found.stage))
      throw new StaleBootstrapError("the bootstrap is not where it was");
    return found;
  }

  enter({ bootstrap, stage, source }: Options<"enterStage">): Bootstrap {
    const found = this.#find(bootstrap, [bootstrap.stage]);
    if (found.source?.snapshot !== bootstrap.source?.snapshot)
      throw new StaleBootstrapError("the source of the bootstrap is another one");
    const begun = stage === "loading" && found.stage !== "loading" ? NOTHING_LOADED : found.progress;
    const progress = stage === "clearing" || source !== undefined ? undefined : begun;
    return this.#set({ ...found, stage, source: source ?? found.source, progress });
  }

  clearSome(bootstrap: Named): { isMore: boolean } {
    this.#find(bootstrap, ["clearing"]);
    this.#database.makeDurable();
    const records = this.#database.records();
    const rows = [...records].filter(([, { partition }]) => partition === bootstrap.partition);
    for (const [id] of rows.slice(0, CLEARED_ROWS)) records.delete(id);
    if (rows.length > CLEARED_ROWS) return { isMore: true };
    const data = this.#database.data(bootstrap.partition);
    data.outcomes.clear();
    data.conflicts.splice(0);
    return { isMore: false };
  }

  loadPage({ bootstrap, page, after }: Options<"loadPage">): BootstrapProgress {
    const found = this.#find(bootstrap, ["loading"]);
    const progress = progressAfter(after, page);
    const at = canonicalJson(found.progress);
    if (at === canonicalJson(progress)) return progress;
    if (at !== canonicalJson(after)) throw new StaleBootstrapError("it is not the page that comes next");
    const lines = Buffer.from(page.lines).toString("utf8").split("\n").slice(0, -1);
    for (const line of lines) this.#load(found.partition, after.part, JSON.parse(line));
    this.#set({ ...found, progress });
    return progress;
  }

  #load(partition: number, part: BootstrapProgress["part"], row: unknown): void {
    const { outcomes, conflicts } = this.#database.data(partition);
    if (part === "records") {
      const record = row as StoredRecord;
      this.#database.records().set(recordIdText(record), { ...record, partition });
    } else if (part === "operations") {
      const outcome = row as OperationOutcome;
      outcomes.set(outcome.id, outcome);
      this.#database.known(partition, outcome);
    } else conflicts.push({ ...(row as StoredConflict), partition });
  }

  finish({ bootstrap, head }: Options<"finishLoad">): void {
    const found = this.#find(bootstrap, ["loading", "folding"]);
    if (found.stage === "folding") return;
    const { part, loaded } = found.progress!;
    if (part !== undefined || canonicalJson(loaded) !== canonicalJson(head.counts))
      throw new StaleBootstrapError("not all is loaded");
    const data = this.#database.data(found.partition);
    const { position } = head.state;
    // What was seen of another log was not seen of this one.
    if (data.logCreatedAtMs !== undefined && data.logCreatedAtMs !== head.logCreatedAtMs)
      data.wal = data.wal.map((row) => ({ ...row, seen: Math.min(row.seen, position) }));
    if (head.needs !== undefined) this.#database.need({ partition: found.partition, ...head.needs });
    data.state = head.state;
    data.logCreatedAtMs = head.logCreatedAtMs;
    data.marks.splice(0);
    data.changes.splice(0);
    data.changeFloor = position;
    this.#set({ ...found, stage: "folding" });
  }

  end({ partition, id }: Named): void {
    const found = this.#bootstraps.get(partition);
    if (found === undefined) return;
    if (found.id !== id || found.stage === "clearing" || found.stage === "loading")
      throw new StaleBootstrapError("another bootstrap has begun, or this one anew");
    this.#database.makeDurable();
    this.#bootstraps.delete(partition);
  }
}
