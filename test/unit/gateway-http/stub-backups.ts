/** Backups of rows in memory: the service is the real one, its snapshots are lists of lines. */
import { INITIAL_ORIGIN, initialPartitionState } from "../../../services/core/fold/state.ts";
import { STATE_PARTS, type StatePart } from "../../../services/core/state-parts.ts";
import { BackupService } from "../../../services/gateway/backups.ts";
import type { Clock, Random } from "../../../services/ports/clock.ts";
import { SnapshotClosedError } from "../../../services/ports/partition-snapshot.ts";
import { StoreUnavailableError, type RegionStore } from "../../../services/ports/region-store.ts";

export const CLUSTER = "01990000-0000-7000-8000-00000000c105";
export const BACKUP_TAKEN_AT_MS = 1_760_000_000_000;

export class StubBackups {
  /** Of every partition, without their line feeds. */
  readonly lines: Record<StatePart, string[]> = { records: [], operations: [], conflicts: [] };
  pageRows = 2;
  /** So many rows at the end of the records are never told. */
  lose = 0;
  /** Of the database: its connections end. */
  isGone = false;
  /** Pages that the database does not answer for the moment. */
  refusals = 0;
  /** Of the region: what it loads from elsewhere. */
  bootstraps: { partition: number; stage: string }[] = [];
  members = ["eu", "us"];
  opened = 0;
  closed = 0;
  readonly service: BackupService;

  constructor(time: { clock: Clock; random: Random }) {
    const store = {
      readBootstraps: async () => this.bootstraps,
      openSnapshot: async ({ partition }: { partition: number }) => this.#snapshot(partition),
    } as unknown as RegionStore;
    this.service = new BackupService({ region: "eu", partitions: 2, store, ...time });
  }

  #snapshot(partition: number) {
    this.opened += 1;
    const counts = Object.fromEntries(STATE_PARTS.map((part) => [part, this.lines[part].length]));
    const origins = Object.fromEntries(this.members.map((member) => [member, INITIAL_ORIGIN]));
    const place = { position: 7 + partition, cluster: CLUSTER, origins };
    const state = { ...initialPartitionState(partition), ...place };
    return {
      readHead: async () => ({ state, logCreatedAtMs: 1, counts }),
      readPage: async (request: { part: StatePart; after: string | undefined }) => {
        if (this.isGone) throw new SnapshotClosedError("gone");
        if (this.refusals > 0) {
          this.refusals -= 1;
          throw new StoreUnavailableError("busy", { outcome: "none" });
        }
        return this.#page(request);
      },
      close: async () => void (this.closed += 1),
    };
  }

  #page({ part, after }: { part: StatePart; after: string | undefined }) {
    const first = after === undefined ? 0 : this.lines[part].indexOf(after) + 1;
    const told = this.lines[part].slice(0, this.lines[part].length - (part === "records" ? this.lose : 0));
    const page = told.slice(first, first + this.pageRows);
    const isLast = first + page.length >= told.length;
    const lines = Buffer.from(page.map((line) => `${line}\n`).join(""));
    return { rows: page.length, lines, next: isLast ? undefined : page.at(-1) };
  }
}
