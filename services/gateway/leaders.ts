/** Who leads the partitions' logs, for operators: to look at, and to put somewhere for a time. */
import { LogUnavailableError, REPLICA_LAG_ENTRIES_MAX, type Leadership } from "../ports/global-log.ts";
import { DEADLINE_MS_DEFAULT } from "../protocol/http/headers.ts";
import type { PlacementHold } from "../protocol/placement-message.ts";
import { describeError } from "../runtime/describe-error.ts";
import { GatewayError } from "./errors.ts";
import type { LeaderMoveRequest, PartitionLeader } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { askPlacement } from "./placement-client.ts";
import type { StorePatience } from "./store-patience.ts";

const MOVE_TIMEOUT_MS = 5_000;
/** An election can land elsewhere. */
const TRIES_MAX = 3;
/** For as long as the election that follows a server's death may take: the order is given once, and the region is to lead then. */
const ELECTION_MS_MAX = 15_000;
const RETRY_PAUSE_MS = 250;
const RETRY_AFTER_MS = 1_000;

export class Leaders {
  readonly #options: GatewayOptions;
  readonly #patience: StorePatience;

  constructor(options: GatewayOptions, patience: StorePatience) {
    this.#options = options;
    this.#patience = patience;
  }

  show(): Promise<PartitionLeader[]> {
    return Promise.all(this.#partitions().map((partition) => this.#showOne(partition)));
  }

  /**
   * @throws {GatewayError} unknown-region, malformed-body, region-not-fit, no-quorum, leader-not-moved.
   * @throws {StoreUnavailableError} nothing has moved.
   */
  async move(request: LeaderMoveRequest): Promise<{ partition: number; leader: string }[]> {
    const { region, holdMs } = request;
    const partitions = this.#asked(request);
    const members = await this.#members(region);
    const leaders = await Promise.all(partitions.map((partition) => this.#checkFit(region, partition)));
    const moves = await Promise.allSettled(
      partitions.map(async (partition, index) => {
        const { random, clock } = this.#options;
        // First, so that nobody moves it back while it comes.
        const id = random.uuid(clock.nowMs());
        await this.#announce(members, partition, { id, leader: region, ageMs: 0, holdMs });
        if (leaders[index] !== region) await this.#moveOne(region, partition, members);
        return { partition, leader: region };
      }),
    );
    const failed = moves.find((move) => move.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return partitions.map((partition) => ({ partition, leader: region }));
  }

  async #showOne(partition: number): Promise<PartitionLeader> {
    const { region, logger } = this.#options;
    const [leadership, answer] = await Promise.all([
      this.#options.log.leadership(partition).catch((error: unknown) => {
        logger.debug({ partition, error: describeError(error) }, "the log can't be asked who leads");
        return undefined;
      }),
      askPlacement(this.#options, { region, partition }),
    ]);
    const hold = answer?.hold;
    const leftMs = hold === undefined ? 0 : hold.holdMs - hold.ageMs;
    return {
      partition,
      leader: leadership?.leader,
      leaderSinceMs: leadership?.leaderSinceMs,
      ranking: (answer?.ranking ?? []).map((ranked) => ({
        region: ranked.region,
        quorumRoundTripMs: ranked.quorumRoundTripMs ?? undefined,
      })),
      replicas: leadership?.leader === undefined ? undefined : leadership.replicas,
      unknownReplicas: leadership?.unknownReplicas,
      isAutomatic: answer?.isAutomatic,
      hold: hold === undefined || leftMs <= 0 ? undefined : { leader: hold.leader, leftMs },
    };
  }

  #partitions(): number[] {
    return Array.from({ length: this.#options.partitions }, (_, partition) => partition);
  }

  #asked({ partition }: LeaderMoveRequest): number[] {
    const all = this.#partitions();
    if (partition === undefined) return all;
    if (all.includes(partition)) return [partition];
    const message = `there is no partition ${partition}; the cluster has 0 to ${all.length - 1}`;
    throw new GatewayError("malformed-body", message, { field: "partition" });
  }

  async #members(region: string): Promise<readonly string[]> {
    const { store, clock } = this.#options;
    const deadlineAtMs = clock.monotonicMs() + DEADLINE_MS_DEFAULT;
    const { members, cluster } = await this.#patience.until(deadlineAtMs, store.readPositions(0));
    if (cluster === null) throw new GatewayError("starting", "the region has not joined its log yet");
    if (members.includes(region)) return members;
    const message = `there is no region "${region}"; the cluster has ${members.join(", ")}`;
    throw new GatewayError("unknown-region", message, { field: "region" });
  }

  /** @returns who leads now. */
  async #checkFit(region: string, partition: number): Promise<string> {
    const [leadership, answer] = await Promise.all([
      this.#leadership(partition, region),
      askPlacement(this.#options, { region, partition }),
    ]);
    const { replicas, unknownReplicas = 0 } = leadership;
    const leader = leadership.leader!;
    if (leader === region) return leader;
    const refuse = (why: string) => new GatewayError("region-not-fit", why, { retryAfterMs: RETRY_AFTER_MS });
    if (answer?.isDraining === true) throw refuse(`region ${region} is drained; undrain it first`);
    const replica = replicas.find((candidate) => candidate.region === region);
    if (replica === undefined) {
      const copy = `copy of partition ${partition}'s log`;
      if (unknownReplicas === 0) throw refuse(`region ${region} holds no ${copy}`);
      throw refuse(
        `${leader}, which leads, knows of no ${copy} in region ${region}, and ${unknownReplicas} more are to be`,
      );
    }
    if (replica.isOnline && replica.lagEntries <= REPLICA_LAG_ENTRIES_MAX) return leader;
    throw refuse(
      `the nats-server of region ${region} is away, or has not caught up: it is ${replica.lagEntries} entries behind, and was heard of ${replica.seenAgoMs} ms ago`,
    );
  }

  /** Leadership may be on its way at the moment, or so young that it does not know the region yet. @throws {GatewayError} no-quorum. */
  async #leadership(partition: number, region: string): Promise<Leadership> {
    const { log, clock } = this.#options;
    for (let tries = 1; ; tries += 1) {
      let leadership: Leadership | undefined;
      try {
        leadership = await log.leadership(partition);
      } catch (error) {
        if (!(error instanceof LogUnavailableError)) throw error;
      }
      if (leadership?.leader !== undefined && (tries === TRIES_MAX || knows(leadership, region)))
        return leadership;
      if (tries === TRIES_MAX) throw noQuorum(partition);
      await clock.sleep(RETRY_PAUSE_MS);
    }
  }

  /** Best effort: who does not hear it now hears it from the others. */
  async #announce(members: readonly string[], partition: number, hold: PlacementHold): Promise<void> {
    await Promise.all(members.map((region) => askPlacement(this.#options, { region, partition, hold })));
  }

  async #moveOne(region: string, partition: number, members: readonly string[]): Promise<void> {
    const { random, clock } = this.#options;
    const untilMs = clock.monotonicMs() + ELECTION_MS_MAX;
    let led: HandOver;
    let elsewhere = 0;
    do {
      led = await this.#handOver(region, partition);
      if (led.leader === region) return;
      if (led.leader !== undefined) elsewhere += 1;
      await clock.sleep(RETRY_PAUSE_MS);
    } while (elsewhere < TRIES_MAX && clock.monotonicMs() < untilMs);
    // Nobody should leave leadership where nobody has put it.
    const id = random.uuid(clock.nowMs());
    await this.#announce(members, partition, { id, leader: region, ageMs: 0, holdMs: 0 });
    const { leader = "nobody that is known", why } = led;
    const message = `partition ${partition} is led by ${leader}, although ${region} was asked for`;
    const whole = why === undefined ? message : `${message}: ${why}`;
    throw new GatewayError("leader-not-moved", whole, { retryAfterMs: RETRY_AFTER_MS });
  }

  async #handOver(to: string, partition: number): Promise<HandOver> {
    try {
      return await this.#options.log.moveLeader({ partition, to, timeoutMs: MOVE_TIMEOUT_MS });
    } catch (error) {
      if (error instanceof LogUnavailableError) return { leader: undefined, why: error.message };
      throw error;
    }
  }
}

/** Who leads then, where that is known; and why nothing has moved. */
interface HandOver {
  readonly leader: string | undefined;
  readonly why?: string;
}

/** Whether a region that is not among the replicas is none for certain. */
function knows({ leader, replicas, unknownReplicas = 0 }: Leadership, region: string): boolean {
  return unknownReplicas === 0 || leader === region || replicas.some((replica) => replica.region === region);
}

function noQuorum(partition: number): GatewayError {
  const message = `the log of partition ${partition} has no leader that could hand over`;
  return new GatewayError("no-quorum", message, { retryAfterMs: 5_000 });
}
