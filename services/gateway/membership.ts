/**
 * Who takes part in the cluster, for operators: to look at, and to change. A change is an entry in each partition's log; the
 * same change again changes nothing, so whatever has an unknown outcome is simply asked for again.
 */
import { membersNotReadingMembers } from "../core/entry-version.ts";
import type { MemberEntry } from "../core/entry.ts";
import { own } from "../core/json.ts";
import { encodeEntry, MEMBERS_VERSION } from "../protocol/entry-codec.ts";
import { LogUnavailableError, PublishTimeoutError } from "../ports/global-log.ts";
import { StaleBootstrapError } from "../ports/bootstraps.ts";
import type { Positions } from "../ports/region-store.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { askPlacement } from "./placement-client.ts";
import type { LogStates } from "../runtime/log-states.ts";
import type { StorePatience } from "./store-patience.ts";

/** Below what operators' tools wait for an answer. */
const ORDER_DEADLINE_MS = 45_000;
const PUBLISH_TIMEOUT_MS = 5_000;
const LOOK_EVERY_MS = 100;
/** An entry that was acknowledged is folded soon; one that was not is sent again. */
const ASK_EVERY_MS = 5_000;
/** As a drain takes until every process of the region has heard of it. */
const SETTLED_MS = 2_000;
const RETRY_AFTER_MS = 2_000;

export interface MemberReport {
  readonly region: string;
  /** Id of the entry by which it has joined; undefined of one that is a member from the beginning on. */
  readonly joined: string | undefined;
  /** It has joined, and has not been heard of since. */
  readonly isJoining: boolean;
  /** What it had folded at its last tick. */
  readonly appliedPosition: number | undefined;
  readonly lagEntries: number | undefined;
  /** Log time since its last tick. */
  readonly silentMs: number | undefined;
  /** Rows that its WAL had at its last tick, and the log has not. */
  readonly unshippedRows: number | undefined;
}

export interface PartitionMembers {
  readonly partition: number;
  readonly members: readonly MemberReport[];
  /** Regions that were removed. */
  readonly departed: readonly string[];
}

/** What an operator can ask of the cluster's members. */
export interface Membering {
  /** As this region has folded it. */
  list(): Promise<readonly PartitionMembers[]>;
  add(region: string): Promise<readonly PartitionMembers[]>;
  /** @param isForced although it is not drained: what only its WAL has is lost. */
  remove(options: { region: string; isForced: boolean }): Promise<readonly PartitionMembers[]>;
  /** Of this region itself. @param isForced its WAL begins anew, also where another database has taken its place. */
  rejoin(options: { isForced: boolean }): Promise<readonly PartitionMembers[]>;
}

type Options = Pick<
  GatewayOptions,
  "region" | "partitions" | "store" | "clock" | "random" | "breakers" | "bus" | "logger"
>;

type Change = Pick<MemberEntry, "action" | "region">;

export class Membership implements Membering {
  readonly #options: Options;
  readonly #patience: StorePatience;

  readonly #states: Pick<LogStates, "ask">;

  constructor(options: Options, parts: { patience: StorePatience; states: Pick<LogStates, "ask"> }) {
    this.#options = options;
    this.#patience = parts.patience;
    this.#states = parts.states;
  }

  list(): Promise<PartitionMembers[]> {
    return Promise.all(this.#partitions().map(async (partition) => toReport(await this.#read(partition))));
  }

  /** @throws {GatewayError} not-a-member, not-supported-yet, starting, outcome-unknown. @throws {StoreUnavailableError} */
  async add(region: string): Promise<PartitionMembers[]> {
    await this.#checkIsThere(region);
    await this.#changeAll({ action: "add", region }, ({ origins }) => own(origins, region) !== undefined);
    return this.list();
  }

  /** @throws {GatewayError} as `add`, and unknown-region, remove-refused. @throws {StoreUnavailableError} */
  async remove({ region, isForced }: { region: string; isForced: boolean }): Promise<PartitionMembers[]> {
    for (const partition of this.#partitions()) await this.#checkRemoval(partition, region, isForced);
    await this.#changeAll({ action: "remove", region }, ({ origins }) => own(origins, region) === undefined);
    return this.list();
  }

  /** @throws {StoreUnavailableError} */
  async rejoin({ isForced }: { isForced: boolean }): Promise<PartitionMembers[]> {
    const { store, random, clock } = this.#options;
    for (const partition of this.#partitions()) {
      const id = random.uuid(clock.nowMs());
      const ordered = isForced ? store.startRejoin({ partition, id }) : this.#orderBootstrap(partition, id);
      await this.#patience.until(this.#deadlineAtMs(), Promise.resolve(ordered), "unknown");
    }
    return this.list();
  }

  /** What is loaded already, and not proven, is loaded once more. */
  async #orderBootstrap(partition: number, id: string): Promise<void> {
    const { store } = this.#options;
    const bootstrap = await store.orderBootstrap({ partition, id, reason: "an operator has asked for it" });
    if (bootstrap.stage !== "folding" && bootstrap.stage !== "verifying") return;
    try {
      await store.enterStage({ bootstrap, stage: "clearing" });
    } catch (error) {
      // It has gone on meanwhile: who still wants it asks again.
      if (!(error instanceof StaleBootstrapError)) throw error;
    }
  }

  #partitions(): number[] {
    return Array.from({ length: this.#options.partitions }, (_, partition) => partition);
  }

  #deadlineAtMs(): number {
    return this.#options.clock.monotonicMs() + ORDER_DEADLINE_MS;
  }

  #read(partition: number): Promise<Positions> {
    return this.#patience.until(this.#deadlineAtMs(), this.#options.store.readPositions(partition));
  }

  /** A member that never comes keeps everything from being trimmed; a name that was one is no slip of the pen. */
  async #checkIsThere(region: string): Promise<void> {
    const { origins, departed } = await this.#read(0);
    if (own(origins, region) !== undefined || own(departed, region) !== undefined) return;
    const { problem } = await this.#states.ask(region, 0);
    if (problem === undefined) return;
    const message = `region ${region} can't be asked (${problem}): start its servers and its process first, with a topology that has it`;
    throw new GatewayError("unknown-region", message, { field: "region" });
  }

  async #checkRemoval(partition: number, region: string, isForced: boolean): Promise<void> {
    const { origins, departed, members } = await this.#read(partition);
    const origin = own(origins, region);
    if (origin === undefined) {
      if (own(departed, region) !== undefined) return;
      throw new GatewayError(
        "unknown-region",
        `the cluster has ${members.join(", ")}, and no region ${region}`,
      );
    }
    if (members.length === 1) throw refused(`${region} is the last member`);
    if (isForced) return;
    const answer = await askPlacement(this.#options, { region, partition });
    if (answer?.isDraining !== true) {
      const what = answer === undefined ? "does not answer" : "still takes writes";
      throw refused(`${region} ${what}: drain it first, or force it, which loses what only its WAL has`);
    }
    // By then none of its processes takes a write, and what it has taken is in its WAL.
    await this.#options.clock.sleep(SETTLED_MS);
    const { state, problem } = await this.#states.ask(region, partition);
    if (state === undefined) throw refused(`${region} can't be asked what is left to send: ${problem}`);
    const watermark = own((await this.#read(partition)).origins, region)?.watermark ?? 0;
    const unshipped = state.walHead - watermark;
    if (unshipped > 0)
      throw refused(`${region} has ${unshipped} rows of partition ${partition} still to send`);
  }

  async #changeAll(change: Change, isDone: (positions: Positions) => boolean): Promise<void> {
    const deadlineAtMs = this.#deadlineAtMs();
    const changes = await Promise.allSettled(
      this.#partitions().map((partition) => this.#change({ partition, change, isDone, deadlineAtMs })),
    );
    const failed = changes.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #change(asked: {
    partition: number;
    change: Change;
    isDone: (positions: Positions) => boolean;
    deadlineAtMs: number;
  }): Promise<void> {
    const { partition, change, isDone, deadlineAtMs } = asked;
    const { clock, random, region: origin, logger } = this.#options;
    const id = random.uuid(clock.nowMs());
    let askedAtMs = -Infinity;
    while (clock.monotonicMs() < deadlineAtMs) {
      const positions = await this.#read(partition);
      if (isDone(positions)) return logger.info({ partition, ...change }, "the members have changed");
      if (clock.monotonicMs() - askedAtMs >= ASK_EVERY_MS) {
        this.#checkMayPublish(positions, change);
        askedAtMs = clock.monotonicMs();
        await this.#publish(partition, { kind: "member", origin, id, ...change });
      }
      await clock.sleep(LOOK_EVERY_MS);
    }
    const message = `partition ${partition} has not taken it in time; asking again is safe`;
    throw new GatewayError("outcome-unknown", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  #checkMayPublish(positions: Positions, change: Change): void {
    const { region } = this.#options;
    if (positions.cluster === null)
      throw new GatewayError("starting", "the region has not joined its log yet", { retryAfterMs: 1_000 });
    if (own(positions.origins, region) === undefined)
      throw new GatewayError("not-a-member", `region ${region} is no member itself: ask one that is`);
    const without = change.action === "remove" ? [change.region] : [];
    const old = membersNotReadingMembers(positions, { version: MEMBERS_VERSION, without });
    if (old.length === 0) return;
    const message = `${old.join(", ")} can't read changes of the members yet: update the software there first`;
    throw new GatewayError("not-supported-yet", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** A doubt is none: it is sent again under the same id. */
  async #publish(partition: number, entry: MemberEntry): Promise<void> {
    try {
      const limits = { timeoutMs: PUBLISH_TIMEOUT_MS };
      await this.#options.breakers[partition]!.publish("member", encodeEntry(entry), limits);
    } catch (error) {
      if (!(error instanceof PublishTimeoutError || error instanceof LogUnavailableError)) throw error;
    }
  }
}

function refused(why: string): GatewayError {
  return new GatewayError("remove-refused", why, { retryAfterMs: RETRY_AFTER_MS });
}

function toReport({ partition, position, logTimeMs, origins, departed }: Positions): PartitionMembers {
  const members = Object.entries(origins).map(([region, { tick, watermark, joined }]): MemberReport => {
    return {
      region,
      joined,
      isJoining: tick?.isAssumed === true,
      appliedPosition: tick?.appliedPosition,
      lagEntries: tick === null ? undefined : Math.max(0, position - tick.appliedPosition),
      silentMs: tick === null ? undefined : logTimeMs - tick.logTimeMs,
      unshippedRows: tick === null ? undefined : Math.max(0, tick.walHead - watermark),
    };
  });
  return {
    partition,
    members: members.toSorted((one, other) => (one.region < other.region ? -1 : 1)),
    departed: Object.keys(departed).toSorted(),
  };
}
