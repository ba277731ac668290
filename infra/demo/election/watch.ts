/** Asks every region for its status while the load runs: who leads, what waits in each buffer, what is folded where. */
import type { PartitionStatusAnswer } from "../../../services/protocol/http/status.ts";
import { authorization } from "../../local/authorization.ts";
import { DeadlineError } from "../../local/errors.ts";
import { majority } from "../../local/majority.ts";
import { waitFor } from "../../local/wait.ts";
import type { BufferSample } from "./recording.ts";

export interface WatchedRegion {
  readonly name: string;
  readonly url: string;
  readonly key?: string | undefined;
}

/** What is looked at of a status. */
export interface WatchedStatus {
  readonly partitions: readonly Pick<
    PartitionStatusAnswer,
    "partition" | "leader" | "position" | "last_position" | "wal" | "breaker" | "regions"
  >[];
}

/** What one region said at one moment. */
export interface Look {
  /** When it was asked. */
  readonly atSeconds: number;
  readonly status: WatchedStatus;
}

/** What every region has to have folded. */
export interface Goal {
  /** WAL sequences by region and partition. */
  readonly heads: ReadonlyMap<string, readonly number[]>;
  /** Positions of the log by partition. */
  readonly positions: readonly number[];
}

const INTERVAL_MS = 500;
/** While the log can't be asked, a status takes some seconds: the next is asked for before it has come. */
const PENDING_MAX = 8;
const TIMEOUT_MS = 5_000;
/** What is older says nothing about now. */
const FRESH_SECONDS = 5;
const DRAIN_INTERVAL_MS = 100;

export class StatusWatch {
  readonly #regions: readonly WatchedRegion[];
  readonly #elapsedSeconds: () => number;
  readonly #looks = new Map<string, Look[]>();
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Map<string, number>();

  /** Starts at once. */
  constructor(regions: readonly WatchedRegion[], elapsedSeconds: () => number) {
    this.#regions = regions;
    this.#elapsedSeconds = elapsedSeconds;
    this.#timer = setInterval(() => this.#askAll(), INTERVAL_MS);
    this.#askAll();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stop.abort();
  }

  /** Undefined when the region has said nothing for a while. */
  latest(region: string): Look | undefined {
    const look = this.#looks.get(region)?.at(-1);
    return look !== undefined && this.#elapsedSeconds() - look.atSeconds <= FRESH_SECONDS ? look : undefined;
  }

  /** The region that a majority of all names as the leader of the log; undefined while none is. */
  get leader(): string | undefined {
    return majority(
      this.#regions.map(({ name }) => this.latest(name)?.status.partitions[0]?.leader),
      this.#regions.length,
    );
  }

  bufferOf(region: string): BufferSample[] {
    return (this.#looks.get(region) ?? []).map(({ atSeconds, status }) => ({
      atSeconds,
      ...bufferIn(status),
    }));
  }

  /** What is there to be folded now: of a region that does not answer, what it had when it was last heard. */
  async goalNow(): Promise<Goal> {
    await Promise.all(this.#regions.map((region) => this.#ask(region)));
    return goalOf(this.#lastStatuses());
  }

  /**
   * @returns how many seconds it took until every region had folded all of it.
   * @throws {DeadlineError} that says what is missing where; the signal's reason.
   */
  async reach(
    goal: Goal,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<number> {
    const startedAtSeconds = this.#elapsedSeconds();
    const look = async (): Promise<true> => {
      await Promise.all(this.#regions.map((region) => this.#ask(region)));
      const answered = new Map(
        this.#regions.map(({ name }) => [name, this.#since(name, startedAtSeconds)?.status]),
      );
      const missing = missingFrom(goal, answered);
      if (missing.length > 0) throw new DeadlineError(missing.join("; "));
      return true;
    };
    await waitFor(look, { what: "drained buffers", timeoutMs, intervalMs: DRAIN_INTERVAL_MS, signal });
    return this.#elapsedSeconds() - startedAtSeconds;
  }

  #askAll(): void {
    for (const region of this.#regions) {
      if ((this.#pending.get(region.name) ?? 0) < PENDING_MAX) void this.#ask(region);
    }
  }

  /** A region that does not answer is simply not heard. */
  async #ask({ name, url, key }: WatchedRegion): Promise<void> {
    const atSeconds = this.#elapsedSeconds();
    this.#pending.set(name, (this.#pending.get(name) ?? 0) + 1);
    try {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]);
      const response = await fetch(`${url}/v1/status`, { signal, headers: authorization(key) });
      if (response.status !== 200) return;
      this.#remember(name, { atSeconds, status: (await response.json()) as WatchedStatus });
    } catch {
      // Silence is what the table and the goals make of it.
    } finally {
      this.#pending.set(name, this.#pending.get(name)! - 1);
    }
  }

  /** In the order of asking: answers overtake each other. */
  #remember(region: string, look: Look): void {
    const looks = this.#looks.get(region) ?? [];
    const index = looks.findLastIndex(({ atSeconds }) => atSeconds <= look.atSeconds);
    looks.splice(index + 1, 0, look);
    this.#looks.set(region, looks);
  }

  #since(region: string, seconds: number): Look | undefined {
    const look = this.#looks.get(region)?.at(-1);
    return look !== undefined && look.atSeconds >= seconds ? look : undefined;
  }

  #lastStatuses(): Map<string, WatchedStatus> {
    return new Map([...this.#looks].map(([region, looks]) => [region, looks.at(-1)!.status]));
  }
}

export function bufferIn({ partitions }: WatchedStatus): { rows: number; ageMs: number } {
  return {
    rows: partitions.reduce((sum, { wal }) => sum + wal.pending_rows, 0),
    ageMs: Math.max(0, ...partitions.map(({ wal }) => wal.oldest_pending_age_ms)),
  };
}

export function goalOf(statuses: ReadonlyMap<string, WatchedStatus>): Goal {
  const heads = new Map(
    [...statuses].map(([region, { partitions }]) => [region, partitions.map(({ wal }) => wal.head)]),
  );
  const all = [...statuses.values()].map(({ partitions }) =>
    partitions.map(({ position, last_position: last }) => Math.max(position, last ?? 0)),
  );
  const positions = (all[0] ?? []).map((_, partition) => Math.max(...all.map((one) => one[partition] ?? 0)));
  return { heads, positions };
}

/** What regions have not folded yet, one text each; a region that does not answer is one. */
export function missingFrom(
  { heads, positions }: Goal,
  statuses: ReadonlyMap<string, WatchedStatus | undefined>,
): string[] {
  return [...statuses].flatMap(([region, status]) => {
    if (status === undefined) return [`${region} does not answer`];
    return status.partitions.flatMap(({ partition, position, regions }) => {
      const behind = (positions[partition] ?? 0) > position;
      const unfolded = [...heads].flatMap(([origin, sequences]) => {
        const head = sequences[partition] ?? 0;
        const watermark = regions.find((known) => known.region === origin)?.watermark ?? 0;
        return watermark < head ? [`${region} has ${watermark} of ${head} rows of ${origin}`] : [];
      });
      return [...unfolded, ...(behind ? [`${region} is at ${position} of ${positions[partition]}`] : [])];
    });
  });
}
