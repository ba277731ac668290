/** Who leads the partitions' logs, for operators: to look at, and to put somewhere for a time. */
import type { Leadership } from "../ports/global-log.ts";
import { DEADLINE_MS_DEFAULT } from "../protocol/http/headers.ts";
import { describeError } from "../runtime/describe-error.ts";
import { GatewayError } from "./errors.ts";
import type { LeaderMoveRequest, PartitionLeader } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { moveLeader, readLeadership, whyUnfit } from "./leader-move.ts";
import { askPlacement } from "./placement-client.ts";
import type { StorePatience } from "./store-patience.ts";

const LOOKS_MAX = 3;
const LOOK_PAUSE_MS = 250;
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
    await Promise.all(partitions.map((partition) => this.#checkFit(region, partition)));
    const moves = await Promise.allSettled(
      partitions.map((partition) => moveLeader(this.#options, { partition, region, holdMs, members })),
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

  /** @throws {GatewayError} region-not-fit, no-quorum. */
  async #checkFit(region: string, partition: number): Promise<void> {
    const [leadership, answer] = await Promise.all([
      this.#leadership(partition, region),
      askPlacement(this.#options, { region, partition }),
    ]);
    if (leadership.leader === region) return;
    const isDraining = answer?.isDraining === true;
    const why = isDraining
      ? `region ${region} is drained; undrain it first`
      : whyUnfit(leadership, { region, partition });
    if (why !== undefined) throw new GatewayError("region-not-fit", why, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** Leadership may be on its way at the moment, or so young that it has not heard of the region yet. @throws {GatewayError} no-quorum. */
  async #leadership(partition: number, region: string): Promise<Leadership> {
    for (let looks = 1; ; looks += 1) {
      const leadership = await readLeadership(this.#options, partition);
      if (whyUnfit(leadership, { region, partition }) === undefined) return leadership;
      if (looks === LOOKS_MAX) {
        if (leadership.leader === undefined) throw noQuorum(partition);
        return leadership;
      }
      await this.#options.clock.sleep(LOOK_PAUSE_MS);
    }
  }
}

function noQuorum(partition: number): GatewayError {
  const message = `the log of partition ${partition} has no leader that could hand over`;
  return new GatewayError("no-quorum", message, { retryAfterMs: 5_000 });
}
