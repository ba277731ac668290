/**
 * Logs that have failed, for operators: what each region has of a partition's log, and making it anew.
 *
 * ask every region → plan (`core/log/rebuild-plan.ts`) → old log deleted, new one with its first entry in place → each region
 * finds out by itself what it does with it
 */
import { membersNotReadingMembers } from "../core/entry-version.ts";
import type { FoundLog } from "../core/log/judge-log.ts";
import { planRebuild, type RebuildPlan } from "../core/log/rebuild-plan.ts";
import type { EpochEntry } from "../core/entry.ts";
import { LogMissingError, LogUnavailableError, OtherLogError } from "../ports/global-log.ts";
import { decodeEntry, encodeEntry, MEMBERS_VERSION } from "../protocol/entry-codec.ts";
import { UndecodableEntryError } from "../protocol/undecodable.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { LogStates } from "../runtime/log-states.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";

const RETRY_AFTER_MS = 5_000;

export interface LogRebuildRequest {
  /** Undefined: all that are not healthy. */
  readonly partition: number | undefined;
  /** Only says what would be done. */
  readonly isDryRun: boolean;
  readonly without: readonly string[];
  readonly from: string | undefined;
  readonly isForced: boolean;
}

export interface PartitionLog {
  readonly plan: RebuildPlan;
  /** Why the log could not be looked at; then what the plan says of it does not count. */
  readonly problem: string | undefined;
  /** What was made; undefined where nothing was. */
  readonly made:
    { readonly createdAtMs: number; readonly epoch: number; readonly position: number } | undefined;
}

export interface LogKeeping {
  /** What each region has, and what making the log anew would do. */
  logs(): Promise<readonly PartitionLog[]>;
  /**
   * Of the partitions that were asked for; what is refused in one of them is refused in all.
   * @throws {GatewayError} log-healthy, rebuild-refused, not-supported-yet, no-quorum, outcome-unknown, malformed-body.
   */
  rebuildLogs(request: LogRebuildRequest): Promise<readonly PartitionLog[]>;
}

type Options = Pick<
  GatewayOptions,
  "region" | "partitions" | "store" | "log" | "clock" | "random" | "logger"
>;

const NOTHING_ASKED = { without: [], from: undefined, isForced: false };

export class LogKeeper implements LogKeeping {
  readonly #options: Options;
  readonly #states: LogStates;

  constructor(options: Options, states: LogStates) {
    this.#options = options;
    this.#states = states;
  }

  logs(): Promise<readonly PartitionLog[]> {
    return Promise.all(this.#partitions().map((partition) => this.#look(partition, NOTHING_ASKED)));
  }

  async rebuildLogs(request: LogRebuildRequest): Promise<readonly PartitionLog[]> {
    const partitions = this.#asked(request);
    const looked = await Promise.all(partitions.map((partition) => this.#look(partition, request)));
    if (request.isDryRun) return looked;
    const isWanted = ({ plan }: PartitionLog) => plan.refusal?.why !== "healthy";
    const wanted = looked.filter(isWanted);
    if (wanted.length === 0) throw new GatewayError("log-healthy", looked[0]!.plan.refusal!.reason);
    for (const one of wanted) checkPlan(one);
    for (const { plan } of wanted) await this.#checkReading(plan.partition, request.without);
    const done: PartitionLog[] = looked.filter((one) => !isWanted(one));
    // One after the other: what is not known of one must not keep anybody from hearing of the others.
    for (const { plan } of wanted) done.push(await this.#rebuildAfterLook(plan.partition, request));
    return done.toSorted((one, other) => one.plan.partition - other.plan.partition);
  }

  async #look(
    partition: number,
    { without, from, isForced }: Pick<LogRebuildRequest, "without" | "from" | "isForced">,
  ): Promise<PartitionLog> {
    const answers = await this.#states.askAll(partition, { isDurable: true });
    if (answers.length === 0)
      throw new GatewayError("starting", "the region has not joined its log yet; ask another");
    let found: FoundLog | undefined;
    let problem: string | undefined;
    try {
      found = await this.#options.log.inspect(partition);
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
      if (!(error instanceof LogMissingError)) problem = describeError(error);
    }
    const plan = planRebuild({ partition, found, answers, without, from, isForced });
    return { plan, problem, made: undefined };
  }

  /** What was seen of it may be old by now. */
  async #rebuildAfterLook(partition: number, request: LogRebuildRequest): Promise<PartitionLog> {
    const looked = await this.#look(partition, request);
    checkPlan(looked);
    return this.#rebuild(looked.plan);
  }

  async #rebuild(plan: RebuildPlan): Promise<PartitionLog> {
    const { log, region, logger } = this.#options;
    const { partition, found, from, epoch, resumedAfter } = plan;
    const { position, chain } = from!;
    const after = resumedAfter ?? position;
    logger.warn({ partition, position: after, epoch, from: from!.region }, whatIsDone(plan));
    try {
      // Who has folded the first entry does not know any more what it goes on from.
      const entry = position === after ? encodeEntry(this.#firstEntry(plan)) : undefined;
      const createdAtMs = resumedAfter === undefined ? found?.createdAtMs : undefined;
      const past = position === after ? chain : undefined;
      const accepts = (data: Uint8Array) => epochOf(data, past) !== undefined;
      const made = await log.rebuild({
        partition,
        createdAtMs,
        after,
        origin: region,
        first: entry,
        accepts,
      });
      const there = epochOf(made.first, past);
      if (there === undefined) throw new OtherLogError("its first entry is another's");
      const told = { createdAtMs: made.createdAtMs, epoch: there.epoch, position: after + 1 };
      return { plan, problem: undefined, made: told };
    } catch (error) {
      throw this.#rebuildError(error, partition);
    }
  }

  #firstEntry({ partition, epoch, from }: RebuildPlan): EpochEntry {
    const { random, clock } = this.#options;
    const { region: origin, cluster, chain } = from!;
    const id = random.uuid(clock.nowMs());
    return { kind: "epoch", origin, id, cluster: cluster!, partition, epoch, chain };
  }

  #rebuildError(error: unknown, partition: number): unknown {
    if (error instanceof OtherLogError) {
      const message = `somebody else has made the log of partition ${partition} anew meanwhile (${error.message}); look again`;
      return new GatewayError("rebuild-refused", message);
    }
    if (!(error instanceof LogUnavailableError)) return error;
    const message = `whether the log of partition ${partition} is there again is not known (${error.message}); the same order goes on with it`;
    return new GatewayError("outcome-unknown", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** An entry that a region can't decode would stop it. */
  async #checkReading(partition: number, without: readonly string[]): Promise<void> {
    const positions = await this.#options.store.readPositions(partition);
    const old = membersNotReadingMembers(positions, { version: MEMBERS_VERSION, without });
    if (old.length === 0) return;
    const message = `${old.join(", ")} runs software that can't read such a log: update it there first`;
    throw new GatewayError("not-supported-yet", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  #partitions(): number[] {
    return Array.from({ length: this.#options.partitions }, (_, partition) => partition);
  }

  #asked({ partition }: LogRebuildRequest): number[] {
    const all = this.#partitions();
    if (partition === undefined) return all;
    if (all.includes(partition)) return [partition];
    const message = `there is no partition ${partition}; the cluster has 0 to ${all.length - 1}`;
    throw new GatewayError("malformed-body", message, { field: "partition" });
  }
}

/** Undefined where it goes on from another past; @param chain undefined where nobody knows it any more. */
function epochOf(data: Uint8Array, chain: string | undefined): EpochEntry | undefined {
  try {
    const { entry } = decodeEntry(data);
    return entry.kind === "epoch" && (chain === undefined || entry.chain === chain) ? entry : undefined;
  } catch (error) {
    if (error instanceof UndecodableEntryError) return undefined;
    throw error;
  }
}

function whatIsDone({ resumedAfter }: RebuildPlan): string {
  if (resumedAfter === undefined) return "the log is made anew, as an operator has ordered";
  return "a log that was made anew is opened, as an operator has ordered";
}

function checkPlan({ plan, problem }: PartitionLog): void {
  const { partition, refusal } = plan;
  if (problem !== undefined) {
    const message = `partition ${partition} can't be looked at: ${problem}; the log's servers must be there to make it anew`;
    throw new GatewayError("no-quorum", message, { retryAfterMs: RETRY_AFTER_MS });
  }
  if (refusal !== undefined)
    throw new GatewayError("rebuild-refused", `partition ${partition}: ${refusal.reason}`);
}
