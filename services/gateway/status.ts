/** What a region knows of itself and, through the ticks that it has folded, of the others. */
import { placeMembers } from "../core/trim/members.ts";
import type { LogInspection } from "../ports/global-log.ts";
import type { OriginState } from "../core/fold/state.ts";
import { StoreUnavailableError, type Positions, type WalHead } from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type {
  BreakerStatus,
  PartitionStatus,
  RegionOverview,
  RegionStatus,
  TrimStatus,
} from "./status-report.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { StorePatience } from "./store-patience.ts";

const MEMBER_AWAY_MS_MAX = Number.MAX_SAFE_INTEGER;
/** Who asks for the status wants to know what is wrong, and not to wait for it. */
const STORE_TIMEOUT_MS = 1_000;

/** What a region's database tells of a partition. */
export interface StoreFigures {
  readonly head: WalHead;
  readonly positions: Positions;
  /** On the monotonic clock. */
  readonly seenAtMs: number;
}

type Looked = Omit<RegionOverview, "draining">;

/** However many ask for the status at once, one look serves them all: it is never refused, and asks database and log. */
export class StatusReader {
  readonly #options: GatewayOptions;
  readonly #patience: StorePatience;
  #looking: Promise<Looked> | undefined;

  constructor(options: GatewayOptions, patience: StorePatience) {
    this.#options = options;
    this.#patience = patience;
  }

  /** @throws {StoreUnavailableError} where the database does not answer, and nobody remembers what it has told before. */
  read(): Promise<Looked> {
    this.#looking ??= readStatus(this.#options, this.#patience).finally(() => (this.#looking = undefined));
    return this.#looking;
  }
}

async function readStatus(options: GatewayOptions, patience: StorePatience): Promise<Looked> {
  const { partitions } = options;
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const statuses = await Promise.all(
    numbers.map((partition) => partitionStatus(options, partition, patience)),
  );
  return { ...processStatus(options), partitions: statuses };
}

/** What can be told without asking anybody. */
export function processStatus(
  options: GatewayOptions,
): Pick<RegionOverview, "region" | "software" | "admission"> {
  const { region, software, refusals } = options;
  return { region, software, admission: refusals?.status() ?? { state: "open" } };
}

async function partitionStatus(
  options: GatewayOptions,
  partition: number,
  patience: StorePatience,
): Promise<PartitionStatus> {
  const { log } = options;
  const [{ head, positions, staleMs }, inspection, leadership] = await Promise.all([
    figuresOf(options, partition, patience),
    ifPossible(options, () => log.inspect(partition)),
    ifPossible(options, () => log.leadership(partition)),
  ]);
  const oldest = head.oldestPendingAtMs;
  return {
    partition,
    leader: leadership?.leader,
    term: leadership?.term,
    cluster: positions.cluster,
    position: positions.position,
    staleMs,
    lastPosition: inspection?.lastPosition,
    logTimeMs: positions.logTimeMs,
    wal: {
      head: head.sequence,
      pendingRows: head.pendingRows,
      pendingBytes: head.pendingBytes,
      oldestPendingAgeMs: oldest === undefined ? 0 : Math.max(0, head.nowMs - oldest),
      trouble: head.trouble?.kind,
      setAsideRows: head.setAsideRows ?? 0,
    },
    breaker: breakerStatus(options.breakers[partition]!),
    trim: trimStatus(options, positions, inspection),
    regions: Object.entries(positions.origins).map(([region, origin]) =>
      regionStatus(region, origin, positions),
    ),
  };
}

function trimStatus(
  { memberAwayMsMax: awayMsMax = MEMBER_AWAY_MS_MAX }: GatewayOptions,
  positions: Positions,
  inspection: LogInspection | undefined,
): TrimStatus {
  const startedAtMs = inspection?.createdAtMs ?? positions.logTimeMs;
  return {
    ...placeMembers(positions, { awayMsMax, startedAtMs }),
    logFirst: inspection?.firstPosition,
    operationsForgotten: positions.forgotten.position,
    needsBootstrap: inspection !== undefined && inspection.firstPosition > positions.position + 1,
  };
}

function breakerStatus({ state, openForMs }: LogBreaker): BreakerStatus {
  const { phase, reason, slowAfterMs } = state;
  return { state: phase, reason, openMs: openForMs, slowAfterMs };
}

/** Status must work while the database does not: then it tells what was known last, and how old that is. */
async function figuresOf(
  options: GatewayOptions,
  partition: number,
  patience: StorePatience,
): Promise<Omit<StoreFigures, "seenAtMs"> & { staleMs: number | undefined }> {
  const { store, clock, lastFigures } = options;
  try {
    const asked = Promise.all([store.walHead(partition), store.readPositions(partition)]);
    const [head, positions] = await patience.until(clock.monotonicMs() + STORE_TIMEOUT_MS, asked);
    return { head, positions, staleMs: undefined };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    const last = lastFigures?.(partition);
    if (last === undefined) throw error;
    return { ...last, staleMs: clock.monotonicMs() - last.seenAtMs };
  }
}

/** Status must work while there is no leader: what the log can't tell is left out. */
async function ifPossible<T>(options: GatewayOptions, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    options.logger.debug({ error: describeError(error) }, "the log can't be asked");
    return undefined;
  }
}

function regionStatus(region: string, origin: OriginState, positions: Positions): RegionStatus {
  const { tick, watermark } = origin;
  return {
    region,
    watermark,
    walHead: tick?.walHead,
    appliedPosition: tick?.appliedPosition,
    lagEntries: tick === null ? undefined : Math.max(0, positions.position - tick.appliedPosition),
    silentMs: tick === null ? undefined : positions.logTimeMs - tick.logTimeMs,
    software: tick?.software,
    reads: tick?.reads,
  };
}
