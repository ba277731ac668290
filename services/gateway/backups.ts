/**
 * Backups as their clients take them: a snapshot of a partition, kept open while they read it page by page.
 *
 * At most a few at once, since a database can't tidy up behind an open snapshot; one that nobody asks for is closed.
 */
import type { StatePart } from "../core/state-parts.ts";
import { NothingToLoadError, type StateHead, type StatePage } from "../ports/bootstraps.ts";
import { own } from "../core/json.ts";
import { SnapshotClosedError, type PartitionSnapshot } from "../ports/partition-snapshot.ts";
import { KeptOpen } from "../runtime/kept-open.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";

const OPEN_MAX = 2;
const IDLE_MS_MAX = 120_000;
const LIFE_MS_MAX = 4 * 3_600_000;
const LOOK_EVERY_MS = 5_000;
const RETRY_AFTER_MS = 5_000;

/** About; of what a page holds. */
export const BACKUP_PAGE_BYTES = 1_000_000;

export interface OpenBackup {
  /** UUID. */
  readonly id: string;
  readonly partition: number;
  readonly takenAtMs: number;
  readonly head: StateHead;
}

export interface BackupPageRequest {
  readonly backup: string;
  readonly part: StatePart;
  /** `next` of the page before; undefined for the first. */
  readonly after: string | undefined;
}

export interface Backups {
  open(partition: number): Promise<OpenBackup>;
  page(request: BackupPageRequest): Promise<StatePage>;
  /** Does nothing where it is closed already. */
  close(backup: string): Promise<void>;
}

type Options = Pick<GatewayOptions, "region" | "partitions" | "store" | "clock" | "random">;

export class BackupService implements Backups {
  readonly #options: Options;
  readonly #kept: KeptOpen<PartitionSnapshot>;
  #opening = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#kept = new KeptOpen({
      clock: options.clock,
      idleMsMax: IDLE_MS_MAX,
      lifeMsMax: LIFE_MS_MAX,
      lookEveryMs: LOOK_EVERY_MS,
      expired: (_, snapshot) => void snapshot.close(),
    });
  }

  /** @throws {GatewayError} malformed-body, too-many-backups, bootstrapping, not-a-member, starting. @throws {StoreUnavailableError} */
  async open(partition: number): Promise<OpenBackup> {
    const { partitions, store, clock, random } = this.#options;
    if (partition >= partitions) {
      const message = `there is no partition ${partition}; the cluster has 0 to ${partitions - 1}`;
      throw new GatewayError("malformed-body", message, { field: "partition" });
    }
    this.#checkRoom();
    this.#opening += 1;
    try {
      const snapshot = await store.openSnapshot({ partition, holdMsMax: LIFE_MS_MAX });
      const takenAtMs = clock.nowMs();
      const head = await orClosed(snapshot, this.#readHead(partition, snapshot));
      const id = random.uuid(takenAtMs);
      this.#kept.keep(id, snapshot);
      return { id, partition, takenAtMs, head };
    } finally {
      this.#opening -= 1;
    }
  }

  /** @throws {GatewayError} backup-not-found. @throws {StoreUnavailableError} */
  async page({ backup, part, after }: BackupPageRequest): Promise<StatePage> {
    const snapshot = this.#kept.ask(backup);
    if (snapshot === undefined) throw this.#notFound(backup);
    try {
      return await snapshot.readPage({ part, after, bytesMax: BACKUP_PAGE_BYTES });
    } catch (error) {
      if (!(error instanceof SnapshotClosedError)) throw error;
      await this.close(backup);
      throw this.#notFound(backup);
    }
  }

  async close(backup: string): Promise<void> {
    await this.#kept.letGo(backup)?.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#kept.entries().map(([id]) => this.close(id)));
  }

  /** Looked at behind the snapshot: what is cleared or loaded after that is not in it. */
  async #readHead(partition: number, snapshot: PartitionSnapshot): Promise<StateHead> {
    const { region, store } = this.#options;
    const bootstrap = (await store.readBootstraps()).find((one) => one.partition === partition);
    if (bootstrap !== undefined && bootstrap.stage !== "ordered") {
      const message = `region ${region} loads partition ${partition} from elsewhere (${bootstrap.stage}): back up another region`;
      throw new GatewayError("bootstrapping", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    const head = await orStarting(snapshot.readHead());
    if (own(head.state.origins, region) !== undefined) return head;
    const message = `region ${region} is no member, and what it shows gets old: back up one that is`;
    throw new GatewayError("not-a-member", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  #checkRoom(): void {
    if (this.#kept.size + this.#opening < OPEN_MAX) return;
    const { region } = this.#options;
    const message = `this process of region ${region} has ${OPEN_MAX} backups open, and takes no more at once`;
    throw new GatewayError("too-many-backups", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  #notFound(backup: string): GatewayError {
    const { region } = this.#options;
    const seconds = IDLE_MS_MAX / 1_000;
    return new GatewayError(
      "backup-not-found",
      `this process of region ${region} has no backup ${backup} open: another one has it, or nobody has asked for it for ${seconds} s; begin another`,
    );
  }
}

async function orStarting<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof NothingToLoadError)) throw error;
    throw new GatewayError("starting", error.message, { retryAfterMs: RETRY_AFTER_MS });
  }
}

async function orClosed<T>(snapshot: PartitionSnapshot, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    await snapshot.close();
    throw error;
  }
}
