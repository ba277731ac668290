/** How far each region has folded a partition's log, and which one: answered for the own region, asked of the others. */
import type { RegionLogState } from "../core/log/rebuild-plan.ts";
import type { Bootstraps } from "../ports/bootstraps.ts";
import type { Bus } from "../ports/bus.ts";
import type { CommittedState, StateReader, WriteAheadLog } from "../ports/region-store.ts";
import {
  decodeLogState,
  decodeLogStateRequest,
  encodeLogState,
  encodeLogStateRequest,
  LOG_SERVICE,
  type LogStateRequest,
} from "../protocol/log-message.ts";
import { describeError } from "./describe-error.ts";

const ASK_TIMEOUT_MS = 5_000;
/** Whoever opens the log waits for the slowest. */
const WITNESS_TIMEOUT_MS = 1_000;

export interface LogStatesOptions {
  readonly region: string;
  readonly bus: Bus;
  readonly store: Pick<StateReader, "readPositions"> &
    Pick<CommittedState, "logCreatedAtMs" | "bindLog"> &
    Pick<Bootstraps, "readBootstraps"> &
    Pick<WriteAheadLog, "walHead">;
  /** Why this process does not fold a partition, as far as it knows. */
  readonly stopReason: (partition: number) => string | undefined;
}

export interface AskedRegion {
  readonly region: string;
  readonly state: RegionLogState | undefined;
  /** Why it could not be asked. */
  readonly problem: string | undefined;
}

export class LogStates {
  readonly #options: LogStatesOptions;

  constructor(options: LogStatesOptions) {
    this.#options = options;
  }

  /** Answers other regions until the returned function is called. */
  serve(): () => void {
    return this.#options.bus.serve(LOG_SERVICE, async (data) =>
      encodeLogState(await this.#own(decodeLogStateRequest(data))),
    );
  }

  /** All members, in order; never rejects for one of them. @throws {StoreUnavailableError} the own database. */
  async askAll(partition: number, { isDurable }: { isDurable: boolean }): Promise<AskedRegion[]> {
    const { members } = await this.#options.store.readPositions(partition);
    const limits = { isDurable, timeoutMs: ASK_TIMEOUT_MS };
    return Promise.all(members.toSorted().map((region) => this.#ask(region, partition, limits)));
  }

  /** The other regions that answer within a moment. */
  async witnesses(partition: number): Promise<RegionLogState[]> {
    const { region, store } = this.#options;
    const { members } = await store.readPositions(partition);
    const limits = { isDurable: false, timeoutMs: WITNESS_TIMEOUT_MS };
    const others = members.filter((member) => member !== region);
    const asked = await Promise.all(others.map((other) => this.#ask(other, partition, limits)));
    return asked.flatMap(({ state }) => (state === undefined ? [] : [state]));
  }

  /** Of any region, also of one that is no member. Never rejects. */
  ask(region: string, partition: number): Promise<AskedRegion> {
    return this.#ask(region, partition, { isDurable: false, timeoutMs: ASK_TIMEOUT_MS });
  }

  async #ask(
    region: string,
    partition: number,
    { isDurable, timeoutMs }: { isDurable: boolean; timeoutMs: number },
  ): Promise<AskedRegion> {
    const { bus, region: own } = this.#options;
    const request = { partition, isDurable };
    try {
      if (region === own) return { region, state: await this.#own(request), problem: undefined };
      const data = encodeLogStateRequest(request);
      const state = decodeLogState(await bus.request({ region, service: LOG_SERVICE, data, timeoutMs }));
      return { region, state: { ...state, region }, problem: undefined };
    } catch (error) {
      return { region, state: undefined, problem: describeError(error) };
    }
  }

  async #own({ partition, isDurable }: LogStateRequest): Promise<RegionLogState> {
    const { region, store, stopReason } = this.#options;
    const positions = await store.readPositions(partition);
    const bootstrap = (await store.readBootstraps()).find((one) => one.partition === partition);
    // Rows that are being cleared or loaded are not what the position says.
    const isLoading = bootstrap?.stage === "clearing" || bootstrap?.stage === "loading";
    const logCreatedAtMs = isLoading ? undefined : await store.logCreatedAtMs(partition);
    // It is bound already; to say so again is a commit on disk, and with it all that was folded before.
    if (isDurable && logCreatedAtMs !== undefined)
      await store.bindLog({ partition, createdAtMs: logCreatedAtMs });
    const { sequence } = await store.walHead(partition);
    const { position, chain, cluster, logEpoch, logTimeMs } = positions;
    const origins = Object.entries(positions.origins).map(([name, { watermark, tick }]) => [
      name,
      { watermark, appliedPosition: tick?.appliedPosition ?? 0 },
    ]);
    return {
      region,
      position: isLoading ? 0 : position,
      chain,
      cluster: isLoading ? undefined : (cluster ?? undefined),
      logEpoch,
      logCreatedAtMs,
      logTimeMs,
      stopped: stopReason(partition),
      walHead: sequence,
      origins: Object.fromEntries(origins) as RegionLogState["origins"],
    };
  }
}
