/**
 * Moving the leadership of one partition's log: say so → hand over, as soon as the region can lead → have it stay there.
 * An election may be under way, or come in between; it is waited for. A later order ends an earlier one.
 */
import { LogUnavailableError, REPLICA_LAG_ENTRIES_MAX, type Leadership } from "../ports/global-log.ts";
import type { PlacementHold } from "../protocol/placement-message.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { askPlacement } from "./placement-client.ts";

/** The election that follows a server's death takes up to 8 s. */
const ELECTION_MS_MAX = 10_000;
const HAND_OVER_MS = { min: 1_000, max: 5_000 };
/** An election can land elsewhere. */
const HAND_OVERS_MAX = 3;
const LOOK_PAUSE_MS = 250;
/** While it moves. Short: this process may end before it can call it off. */
const MOVE_HOLD_MS = 30_000;
const RETRY_AFTER_MS = 1_000;

export interface LeaderOrder {
  readonly partition: number;
  /** Who is to lead. */
  readonly region: string;
  /** How long nobody moves it from there. */
  readonly holdMs: number;
  /** Who is told. */
  readonly members: readonly string[];
}

/** What regions were told, and when. */
interface Announced extends LeaderOrder {
  readonly id: string;
  readonly atMs: number;
}

/** How a move stands. */
interface Course {
  readonly leader: string | undefined;
  /** Why the region does not lead yet. */
  readonly why: string;
}

/** @throws {GatewayError} leader-not-moved. */
export async function moveLeader(options: GatewayOptions, order: LeaderOrder): Promise<void> {
  // First, so that nobody moves it back while it comes.
  const announced = await announce(options, order, MOVE_HOLD_MS);
  try {
    await handOverInTime(options, announced);
    await assertLatest(options, announced);
  } catch (error) {
    // Nobody should leave leadership where nobody has put it. A later order stays; where it is not known whether there is one, this one ends by itself.
    const current = await currentHold(options, order);
    if (current?.id === announced.id) await announce(options, order, 0);
    throw error;
  }
  await announce(options, order, order.holdMs);
}

/** Without a leader where the log can't be asked. */
export async function readLeadership(
  { log }: Pick<GatewayOptions, "log">,
  partition: number,
): Promise<Leadership> {
  try {
    return await log.leadership(partition);
  } catch (error) {
    if (!(error instanceof LogUnavailableError)) throw error;
    return { leader: undefined, term: undefined, leaderSinceMs: undefined, replicas: [] };
  }
}

/** Why a region can't lead at the moment, as the leader knows it; undefined where it can, or does. */
export function whyUnfit(
  { leader, replicas, unknownReplicas = 0 }: Leadership,
  { region, partition }: { readonly region: string; readonly partition: number },
): string | undefined {
  if (leader === undefined) return `partition ${partition} has no leader`;
  if (leader === region) return undefined;
  const copy = `copy of partition ${partition}'s log`;
  const replica = replicas.find((candidate) => candidate.region === region);
  if (replica === undefined) {
    return unknownReplicas === 0
      ? `region ${region} holds no ${copy}`
      : `${leader}, which leads, knows of no ${copy} in region ${region}, nor all servers that should hold one`;
  }
  if (replica.isOnline && replica.lagEntries <= REPLICA_LAG_ENTRIES_MAX) return undefined;
  return `the nats-server of region ${region} is away, or has not caught up: it is ${replica.lagEntries} entries behind, and was heard of ${replica.seenAgoMs} ms ago`;
}

/** Best effort: who does not hear it now hears it from the others. */
async function announce(options: GatewayOptions, order: LeaderOrder, holdMs: number): Promise<Announced> {
  const { partition, region: leader, members } = order;
  const id = options.random.uuid(options.clock.nowMs());
  const atMs = options.clock.monotonicMs();
  const hold: PlacementHold = { id, leader, ageMs: 0, holdMs };
  await Promise.all(members.map((region) => askPlacement(options, { region, partition, hold })));
  return { ...order, id, atMs };
}

/** What the own region goes by; where it does not say, the latest that any other tells. */
async function currentHold(
  options: GatewayOptions,
  { partition, members }: LeaderOrder,
): Promise<PlacementHold | undefined> {
  const own = await askPlacement(options, { region: options.region, partition });
  if (own !== undefined) return own.hold;
  const others = members.filter((region) => region !== options.region);
  const answers = await Promise.all(others.map((region) => askPlacement(options, { region, partition })));
  const holds = answers.flatMap((answer) => answer?.hold ?? []);
  return holds.toSorted((one, other) => one.ageMs - other.ageMs)[0];
}

/** Also where nobody can tell of another. @throws {GatewayError} leader-not-moved: there is a later order. */
async function assertLatest(options: GatewayOptions, announced: Announced): Promise<void> {
  const current = await currentHold(options, announced);
  if (current === undefined || current.id === announced.id) return;
  // A process that is new may not have heard of this one yet, and tell an earlier one.
  if (current.ageMs >= options.clock.monotonicMs() - announced.atMs) return;
  throw notMoved(`another order, for ${current.leader}, has come after that for ${announced.region}`);
}

/** @throws {GatewayError} leader-not-moved: not within the time, or another order has come. */
async function handOverInTime(options: GatewayOptions, order: Announced): Promise<void> {
  const { clock } = options;
  const { partition, region } = order;
  const untilMs = clock.monotonicMs() + ELECTION_MS_MAX;
  let course: Course = { leader: undefined, why: "" };
  for (let handOvers = 0; handOvers < HAND_OVERS_MAX && clock.monotonicMs() < untilMs;) {
    const leadership = await readLeadership(options, partition);
    if (leadership.leader === region) return;
    const why = whyUnfit(leadership, order);
    if (why === undefined) {
      await assertLatest(options, order);
      const moved = await handOver(options, order, untilMs - clock.monotonicMs());
      if (moved.leader === region) return;
      if (moved.isSent) handOvers += 1;
      course = moved;
    } else {
      course = { leader: leadership.leader, why };
    }
    await clock.sleep(LOOK_PAUSE_MS);
  }
  const { leader = "nobody that is known", why } = course;
  throw notMoved(`partition ${partition} is led by ${leader}, although ${region} was asked for: ${why}`);
}

async function handOver(
  { log }: GatewayOptions,
  { partition, region: to }: LeaderOrder,
  leftMs: number,
): Promise<Course & { readonly isSent: boolean }> {
  const timeoutMs = Math.min(HAND_OVER_MS.max, Math.max(HAND_OVER_MS.min, leftMs));
  try {
    const { leader } = await log.moveLeader({ partition, to, timeoutMs });
    return { leader, why: "the election went elsewhere, or is not over", isSent: true };
  } catch (error) {
    if (!(error instanceof LogUnavailableError)) throw error;
    return { leader: undefined, why: error.message, isSent: false };
  }
}

function notMoved(message: string): GatewayError {
  return new GatewayError("leader-not-moved", message, { retryAfterMs: RETRY_AFTER_MS });
}
