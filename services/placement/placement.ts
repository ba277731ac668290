/**
 * Keeps a partition's leader where agreement is quickest: look → decide → ask for leadership, in the one process of each
 * region that relays the partition. Regions tell each other what they have measured over the bus; who is not heard from
 * counts by the topology's figures, and leads nothing.
 */
import {
  decidePlacement,
  initialPlacement,
  type Member,
  type MoveReason,
  type PlacementSettings,
  type PlacementState,
} from "../core/placement/decide.ts";
import type { Ranked, RoundTrips } from "../core/placement/quorum.ts";
import { measuredMs, NO_ROUTE_TIMES, observeRoutes, type RouteTimes } from "../core/placement/route-times.ts";
import {
  decodePlacementAnswer,
  decodePlacementRequest,
  encodePlacementMessage,
  placementService,
  type PlacementAnswer,
} from "../protocol/placement-message.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { REPLICA_LAG_ENTRIES_MAX, type GlobalLog, type Leadership } from "../ports/global-log.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { RouteMeter } from "../ports/route-meter.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import { Hold } from "./hold.ts";
import type { PlacementMetrics } from "./metrics.ts";

const ASK_TIMEOUT_MS = 2_000;
const MOVE_TIMEOUT_MS = 5_000;
/** Entries between the log's end and the fold: more is no moment's delay. */
const LAG_ENTRIES_MAX = 500;

export interface PlacementOptions {
  readonly region: string;
  readonly partition: number;
  /** Between two looks, on average. */
  readonly lookEveryMs: number;
  /** Whether leadership moves by itself; away from a region that drains it always does. */
  readonly isAutomatic: boolean;
  readonly settings: PlacementSettings;
  /** The topology's figures. */
  readonly expectedMs: RoundTrips;
  readonly routes: RouteMeter;
  readonly store: Pick<RegionStore, "readPositions" | "readDrain">;
  readonly log: Pick<GlobalLog, "inspect" | "leadership" | "moveLeader">;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: PlacementMetrics;
}

/** What this region knows of itself. */
interface OwnLook {
  readonly roundTripsMs: { readonly [region: string]: number };
  readonly lastPosition?: number;
  readonly isFit: boolean;
  readonly isDraining: boolean;
}

export class Placement {
  readonly #options: PlacementOptions;
  readonly #hold = new Hold();
  #state: PlacementState;
  #times: RouteTimes = NO_ROUTE_TIMES;
  #ranking: readonly Ranked[] = [];
  #own: OwnLook = { roundTripsMs: {}, isFit: false, isDraining: false };

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.#state = initialPlacement(options.region);
  }

  /** Looks and answers until stopped. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { bus, partition, clock, random, logger, lookEveryMs, metrics } = this.#options;
    const end = bus.serve(placementService(partition), (data) => this.answer(data));
    try {
      while (!stop.aborted) {
        try {
          await this.look(stop);
        } catch (error) {
          logger.warn({ partition, error: describeError(error) }, "placement could not look; trying again");
        }
        // Regions that look at different times rarely act at the same.
        await clock.sleep(lookEveryMs * (0.75 + random.fraction() / 2), stop);
      }
    } finally {
      end();
      metrics.left(partition);
    }
  }

  /**
   * Answers another region, or an operator through this one.
   * @throws {UndecodableEntryError}, {StoreUnavailableError}
   */
  async answer(data: Uint8Array): Promise<Uint8Array> {
    const { region, store, clock, isAutomatic } = this.#options;
    const { hold } = decodePlacementRequest(data);
    if (hold !== undefined) this.#hold.hear(hold, clock.monotonicMs());
    // Not from the last look: who drains a region asks whether another does, and has to hear the truth.
    const isDraining = (await store.readDrain()) !== undefined;
    const nowMs = clock.monotonicMs();
    const told = this.#hold.told(nowMs);
    const { roundTripsMs, isFit } = this.#own;
    return encodePlacementMessage({
      region,
      isDraining,
      isFit,
      roundTripsMs: { ...roundTripsMs },
      movedAgoMs: this.#state.movedAtMs.map((atMs) => nowMs - atMs),
      isAutomatic,
      ranking: this.#ranking.map((ranked) => ({
        region: ranked.region,
        quorumRoundTripMs: Number.isFinite(ranked.quorumRoundTripMs) ? ranked.quorumRoundTripMs : null,
      })),
      ...(told === undefined ? {} : { hold: told }),
    });
  }

  /** One look, with what follows from it; nothing, once `stop` is aborted. */
  async look(stop?: AbortSignal): Promise<void> {
    const { region, partition, clock, settings, metrics, isAutomatic } = this.#options;
    const leadership = await this.#leadership();
    const others = (leadership?.replicas ?? []).map((replica) => replica.region);
    const asked = [...new Set([...others, leadership?.leader ?? region])].filter((name) => name !== region);
    const [own, answers] = await Promise.all([this.#lookAtSelf(), this.#ask(asked)]);
    const nowMs = clock.monotonicMs();
    this.#own = own;
    this.#take(own, answers, nowMs);
    const { state, decision, ranking } = decidePlacement(
      this.#state,
      {
        leader: leadership?.leader,
        leaderSince: leadership?.leaderSinceMs,
        members: leadership === undefined ? [] : this.#members(leadership, own, answers),
        roundTripMs: (one, other) => this.#roundTripMs(one, other, nowMs),
        othersMovedAgoMs: [...answers.values()].flatMap((answer) => answer.movedAgoMs),
        isHeld: !isAutomatic || this.#hold.isHeld(nowMs),
      },
      { nowMs, settings },
    );
    // Another process of the region may have the role by now.
    if (stop?.aborted === true) return;
    this.#state = state;
    metrics.sawLog(partition, { leadership, lastPosition: own.lastPosition });
    metrics.sawRoutes(own.roundTripsMs);
    if (ranking.length > 0) {
      this.#ranking = ranking;
      metrics.ranked(partition, ranking);
    }
    metrics.looked({ partition, decision: decision.reason });
    if (decision.type === "move") await this.#move(decision.reason, leadership!.leader!);
  }

  /** Undefined when the log can't be asked. */
  async #leadership(): Promise<Leadership | undefined> {
    const { log, partition, logger } = this.#options;
    try {
      return await log.leadership(partition);
    } catch (error) {
      logger.debug({ partition, error: describeError(error) }, "placement can't ask the log who leads");
      return undefined;
    }
  }

  async #lookAtSelf(): Promise<OwnLook> {
    const { store, log, partition, routes, logger } = this.#options;
    const roundTripsMs = await routes.measure();
    try {
      const [positions, inspection, drain] = await Promise.all([
        store.readPositions(partition),
        log.inspect(partition),
        store.readDrain(),
      ]);
      const isFit = inspection.lastPosition - positions.position <= LAG_ENTRIES_MAX;
      const { lastPosition } = inspection;
      return { roundTripsMs, lastPosition, isFit, isDraining: drain !== undefined };
    } catch (error) {
      logger.debug({ partition, error: describeError(error) }, "this region is not fit to lead");
      return { roundTripsMs, isFit: false, isDraining: this.#own.isDraining };
    }
  }

  async #ask(regions: readonly string[]): Promise<ReadonlyMap<string, PlacementAnswer>> {
    const { bus, region, partition, clock, logger } = this.#options;
    const question = encodePlacementMessage({ region });
    const answers = new Map<string, PlacementAnswer>();
    const service = placementService(partition);
    await Promise.all(
      regions.map(async (other) => {
        // An order is dated by when it was asked for: one that got younger on its way could pass for a later one.
        const askedAtMs = clock.monotonicMs();
        try {
          const data = await bus.request({
            region: other,
            service,
            data: question,
            timeoutMs: ASK_TIMEOUT_MS,
          });
          const answer = decodePlacementAnswer(data);
          answers.set(other, answer);
          if (answer.hold !== undefined) this.#hold.hear(answer.hold, askedAtMs);
        } catch (error) {
          logger.debug(
            { partition, other, error: describeError(error) },
            "a region says nothing on placement",
          );
        }
      }),
    );
    return answers;
  }

  #take(own: OwnLook, answers: ReadonlyMap<string, PlacementAnswer>, nowMs: number): void {
    const rows = [{ region: this.#options.region, roundTripsMs: own.roundTripsMs }, ...answers.values()];
    for (const row of rows) this.#times = observeRoutes(this.#times, row, nowMs);
  }

  #members(
    { leader, replicas }: Leadership,
    own: OwnLook,
    answers: ReadonlyMap<string, PlacementAnswer>,
  ): Member[] {
    const states = new Map(
      replicas.map((replica) => [
        replica.region,
        { isOnline: replica.isOnline, keepsUp: replica.lagEntries <= REPLICA_LAG_ENTRIES_MAX },
      ]),
    );
    if (leader !== undefined) states.set(leader, { isOnline: true, keepsUp: true });
    return [...states].map(([region, { isOnline, keepsUp }]) => {
      const known = region === this.#options.region ? own : answers.get(region);
      const isFit = keepsUp && (known?.isFit ?? false);
      return { region, isOnline, isFit, isDraining: known?.isDraining ?? false };
    });
  }

  #roundTripMs(one: string, other: string, nowMs: number): number {
    return measuredMs(this.#times, { one, other }, nowMs) ?? this.#options.expectedMs(one, other);
  }

  async #move(reason: MoveReason, from: string): Promise<void> {
    const { log, region: to, partition, logger, metrics } = this.#options;
    const rankingMs = Object.fromEntries(
      this.#ranking.map(({ region, quorumRoundTripMs }) => [region, quorumRoundTripMs]),
    );
    logger.info({ partition, reason, from, to, rankingMs }, "this region asks for leadership");
    try {
      const { leader } = await log.moveLeader({ partition, to, timeoutMs: MOVE_TIMEOUT_MS });
      logger.info({ partition, leader }, "leadership was moved");
      metrics.moved({ partition, reason, outcome: leader === to ? "moved" : "elsewhere" });
    } catch (error) {
      logger.warn({ partition, to, error: describeError(error) }, "leadership was not moved");
      metrics.moved({ partition, reason, outcome: "failed" });
    }
  }
}
