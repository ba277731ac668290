/**
 * The simulated twin of the globally ordered log: one order per partition, replicated to each region after a while.
 * Elections, cut-off regions, lost acknowledgements, publishes that overtake each other, land twice, or land late.
 */
import { assert } from "../../services/core/assert.ts";
import {
  LogMissingError,
  LogTruncatedError,
  LogUnavailableError,
  OtherLogError,
  PublishTimeoutError,
  SubscriptionLostError,
  WrongLastPositionError,
  type GlobalLog,
  type Leadership,
  type LogInspection,
  type LogMessage,
  type LogReplica,
  type LogSubscription,
  type MoveLeaderRequest,
  type PublishRequest,
  type RebuildRequest,
  type RebuiltLog,
  type TrimRequest,
} from "../../services/ports/global-log.ts";
import type { Process, World } from "./world.ts";
import { wallClockMs } from "./world.ts";

export interface LogFaults {
  /** Probability that a publish is stored and its acknowledgement lost. */
  lostAcknowledgements: number;
  /** Probability that a publish is lost on the way. */
  lostPublishes: number;
  /** Probability that a publish is stored twice. */
  duplicates: number;
  /** Spread of the way to the leader: publishes overtake each other within it. */
  jitterMs: number;
  /** Probability that a subscription breaks, at each receive. */
  lostSubscriptions: number;
}

export const NO_LOG_FAULTS: LogFaults = {
  lostAcknowledgements: 0,
  lostPublishes: 0,
  duplicates: 0,
  jitterMs: 0,
  lostSubscriptions: 0,
};

/** The log itself: survives every process. */
export class SimulatedLogServers {
  readonly world: World;
  readonly faults: LogFaults;
  readonly createdAtMs: number;
  /** The regions that hold the log. */
  readonly members: readonly string[];
  term = 1;
  #leader: string | undefined;
  #leaderSinceMs: number;
  readonly cutOff = new Set<string>();
  /** Nobody can publish, and everybody can read. */
  isClosed = false;
  readonly #messages = new Map<number, LogMessage[]>();
  readonly #replicated = new Map<string, number>();
  /** First positions that are left, by partition; checkers still see what was trimmed. */
  readonly #first = new Map<number, number>();
  /** Of logs that were made since, by partition. */
  readonly #madeAtMs = new Map<number, number>();
  readonly #missing = new Set<number>();
  /** Made anew, and not opened. */
  readonly #closed = new Set<number>();
  /** Where whoever makes the next log anew gets no further: before its first entry, or before it is opened. */
  rebuildEndsBefore: "first-entry" | "opening" | undefined;
  /** Rises each time a log is not what it was: subscriptions end then. */
  readonly #generations = new Map<number, number>();
  /** What a log that has failed held, as the regions have folded it. */
  readonly #before = new Map<number, readonly LogMessage[]>();
  readonly #listeners = new Set<() => void>();

  constructor(world: World, options: { leader: string; members?: readonly string[]; faults?: LogFaults }) {
    this.world = world;
    this.#leader = options.leader;
    this.members = options.members ?? [options.leader];
    this.faults = options.faults ?? NO_LOG_FAULTS;
    this.createdAtMs = wallClockMs(world);
    this.#leaderSinceMs = this.createdAtMs;
  }

  get leader(): string | undefined {
    return this.#leader;
  }

  /** An election, or the loss of the leader. */
  set leader(leader: string | undefined) {
    this.#leader = leader;
    this.#leaderSinceMs = wallClockMs(this.world);
  }

  get leaderSinceMs(): number {
    return this.#leaderSinceMs;
  }

  replicas(): LogReplica[] {
    return this.members
      .filter((region) => region !== this.#leader)
      .map((region) => {
        const isOnline = this.canReach(region);
        return { region, isOnline, isCurrent: isOnline, lagEntries: 0, seenAgoMs: isOnline ? 0 : 10_000 };
      });
  }

  messages(partition: number): LogMessage[] {
    let messages = this.#messages.get(partition);
    if (messages === undefined) this.#messages.set(partition, (messages = []));
    return messages;
  }

  canReach(region: string): boolean {
    return !this.cutOff.has(region);
  }

  /** Appends in the order of arrival; each region's replica follows after its own delay, in order. */
  store(partition: number, data: Uint8Array, publisher?: string): number {
    const messages = this.messages(partition);
    const position = messages.length + 1;
    messages.push({ position, storedAtMs: wallClockMs(this.world), data, publisher });
    this.#notify();
    return position;
  }

  /** Undefined where there is no log. */
  madeAtMs(partition: number): number | undefined {
    return this.#missing.has(partition) ? undefined : (this.#madeAtMs.get(partition) ?? this.createdAtMs);
  }

  generation(partition: number): number {
    return this.#generations.get(partition) ?? 0;
  }

  #change(partition: number, messages: readonly LogMessage[]): void {
    const before = this.messages(partition);
    if (before.length > (this.#before.get(partition)?.length ?? 0)) this.#before.set(partition, [...before]);
    this.#messages.set(partition, [...messages]);
    for (const region of this.members) this.#replicated.delete(`${region} ${partition}`);
    this.#generations.set(partition, this.generation(partition) + 1);
    this.#notify();
  }

  /** What was stored last is gone, although it was acknowledged: as servers do that come back with older disks. */
  loseTail(partition: number, entries: number): void {
    this.#change(partition, this.messages(partition).slice(0, -entries));
  }

  /** Somebody deletes the log. */
  remove(partition: number): void {
    this.#closed.delete(partition);
    this.#change(partition, []);
    this.#missing.add(partition);
  }

  /** Somebody makes a log under its name, which is empty. */
  makeEmpty(partition: number): void {
    this.#change(partition, []);
    this.#made(partition, 1);
  }

  isClosedLog(partition: number): boolean {
    return this.#closed.has(partition);
  }

  /**
   * Positions go on; what was before is still what the regions have folded, for those who check. Goes on with a log that
   * is closed. @throws {LogUnavailableError} got no further.
   */
  rebuild(request: RebuildRequest): void {
    const { partition, after, first, accepts = () => true } = request;
    const end = this.rebuildEndsBefore;
    this.rebuildEndsBefore = undefined;
    if (!this.#closed.has(partition)) this.#makeClosed(request);
    if (end === "first-entry") throw new LogUnavailableError("it has gone away");
    if (this.messages(partition).length === after) {
      if (first === undefined) throw new OtherLogError("it has lost its first entry");
      this.store(partition, first);
    }
    if (!accepts(this.messages(partition)[after]!.data))
      throw new OtherLogError("its first entry is another's");
    if (end === "opening") throw new LogUnavailableError("it has gone away");
    this.#closed.delete(partition);
  }

  #makeClosed({ partition, after }: RebuildRequest): void {
    const before = this.#before.get(partition) ?? this.messages(partition);
    const kept = before.length >= after ? before : this.messages(partition);
    assert(kept.length >= after, "nobody has folded so much of the log");
    this.#change(partition, kept.slice(0, after));
    this.#before.delete(partition);
    this.#made(partition, after + 1);
    this.#closed.add(partition);
  }

  #made(partition: number, first: number): void {
    this.#missing.delete(partition);
    this.#first.set(partition, first);
    this.#madeAtMs.set(partition, Math.max(wallClockMs(this.world), (this.madeAtMs(partition) ?? 0) + 1));
  }

  firstPosition(partition: number): number {
    return this.#first.get(partition) ?? 1;
  }

  /** Keeps the last entry in any case. */
  trim({ partition, below }: { partition: number; below: number }): number {
    const last = this.messages(partition).length;
    const first = Math.max(this.firstPosition(partition), Math.min(below, last));
    this.#first.set(partition, first);
    return first;
  }

  /** How far a region's replica has come: it never goes back, and stands still while the region is cut off. */
  replicatedTo(region: string, partition: number): number {
    const name = `${region} ${partition}`;
    const known = this.#replicated.get(name) ?? 0;
    if (!this.canReach(region)) return known;
    const end = this.messages(partition).length;
    this.#replicated.set(name, end);
    return end;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The port, as one region's process holds it. */
export class SimulatedLog implements GlobalLog {
  readonly #servers: SimulatedLogServers;
  readonly #process: Process;
  readonly #region: string;

  constructor(options: { servers: SimulatedLogServers; process: Process; region: string }) {
    this.#servers = options.servers;
    this.#process = options.process;
    this.#region = options.region;
  }

  async inspect(partition: number): Promise<LogInspection> {
    await this.#roundTrip();
    const { leader } = this.#servers;
    const createdAtMs = this.#servers.madeAtMs(partition);
    if (createdAtMs === undefined) throw new LogMissingError("there is no such log");
    const lastPosition = this.#servers.messages(partition).length;
    const firstPosition = this.#servers.firstPosition(partition);
    return {
      createdAtMs,
      firstPosition,
      lastPosition,
      leader,
      isClosed: this.#servers.isClosedLog(partition),
    };
  }

  async leadership(): Promise<Leadership> {
    await this.#roundTrip();
    const { leader, leaderSinceMs, term } = this.#servers;
    return { leader, term, leaderSinceMs, replicas: this.#servers.replicas() };
  }

  async moveLeader({ to }: MoveLeaderRequest): Promise<{ leader: string | undefined }> {
    await this.#roundTrip();
    const servers = this.#servers;
    if (servers.leader === to) return { leader: to };
    if (!servers.members.includes(to)) throw new LogUnavailableError(`there is no server ${to}`);
    if (!servers.canReach(to)) throw new LogUnavailableError(`server ${to} does not take part`);
    servers.leader = undefined;
    await new Promise<void>((resolve) => servers.world.after(30, resolve));
    // Whoever was elected in between stays.
    if (servers.leader === undefined) {
      servers.leader = to;
      servers.term += 1;
    }
    return { leader: servers.leader };
  }

  async #roundTrip(): Promise<void> {
    await this.#process.pass(this.#process.world.random.fraction() * 10);
    if (!this.#isServed()) throw new LogUnavailableError("the log has no leader in reach");
  }

  #isServed(): boolean {
    return this.#servers.leader !== undefined && this.#servers.canReach(this.#region);
  }

  async publish(request: PublishRequest): Promise<{ position: number }> {
    const { faults, world } = this.#servers;
    const { random } = world;
    const startedAtMs = world.nowMs;
    await this.#process.pass(1 + random.fraction() * faults.jitterMs);
    const isLost = random.chance(faults.lostPublishes);
    if (!this.#isServed() || this.#servers.isClosed) {
      // A leader that is gone answers at once or not at all; a publish on its way may still land after the election.
      if (random.chance(0.5)) throw new LogUnavailableError("no responders");
      if (random.chance(0.3)) world.after(random.fraction() * 8_000, () => this.#landLate(request));
      return this.#timeOut(request, startedAtMs);
    }
    if (isLost) return this.#timeOut(request, startedAtMs);
    const position = this.#land(request);
    await this.#process.pass(1 + random.fraction() * faults.jitterMs);
    if (random.chance(faults.lostAcknowledgements) || !this.#servers.canReach(this.#region)) {
      return this.#timeOut(request, startedAtMs);
    }
    return { position };
  }

  #land(request: PublishRequest): number {
    const { partition, origin, data, expectedLastPosition } = request;
    if (this.#servers.madeAtMs(partition) === undefined) throw new LogMissingError("there is no such log");
    if (this.#servers.isClosedLog(partition)) throw new LogUnavailableError("no responders");
    const last = this.#servers.messages(partition).length;
    if (expectedLastPosition !== undefined && expectedLastPosition !== last) {
      throw new WrongLastPositionError(`the log ends at ${last}, not ${expectedLastPosition}`);
    }
    const position = this.#servers.store(partition, data, origin);
    const { random } = this.#servers.world;
    if (expectedLastPosition === undefined && random.chance(this.#servers.faults.duplicates)) {
      this.#servers.store(partition, data, origin);
    }
    return position;
  }

  #landLate(request: PublishRequest): void {
    const isServed =
      this.#servers.leader !== undefined &&
      !this.#servers.isClosed &&
      !this.#servers.isClosedLog(request.partition) &&
      this.#servers.madeAtMs(request.partition) !== undefined;
    if (isServed && request.expectedLastPosition === undefined) this.#land(request);
  }

  async #timeOut(request: PublishRequest, startedAtMs: number): Promise<never> {
    await this.#process.pass(request.timeoutMs - (this.#servers.world.nowMs - startedAtMs));
    throw new PublishTimeoutError("no acknowledgement in time");
  }

  async trim(options: TrimRequest): Promise<{ firstPosition: number }> {
    assert(Number.isSafeInteger(options.below) && options.below >= 1, "a log is trimmed below a position");
    await this.#roundTrip();
    if (options.createdAtMs !== this.#servers.madeAtMs(options.partition))
      throw new OtherLogError("this is another log");
    return { firstPosition: this.#servers.trim(options) };
  }

  async rebuild(request: RebuildRequest): Promise<RebuiltLog> {
    await this.#roundTrip();
    const servers = this.#servers;
    const { partition, createdAtMs, after, accepts = () => true } = request;
    const madeAtMs = servers.madeAtMs(partition);
    const isMeant = madeAtMs === undefined || madeAtMs === createdAtMs;
    if (!isMeant && servers.firstPosition(partition) !== after + 1)
      throw new OtherLogError("this is another log");
    if (isMeant || servers.isClosedLog(partition)) servers.rebuild(request);
    const first = servers.messages(partition)[after]!.data;
    if (!accepts(first)) throw new OtherLogError("its first entry is another's");
    await this.#roundTrip();
    return { createdAtMs: servers.madeAtMs(partition)!, first };
  }

  async subscribe(options: Parameters<GlobalLog["subscribe"]>[0]): Promise<LogSubscription> {
    await this.#process.pass(this.#process.world.random.fraction() * 5);
    if (this.#servers.madeAtMs(options.partition) === undefined)
      throw new LogMissingError("there is no such log");
    const last = this.#servers.replicatedTo(this.#region, options.partition);
    const first = this.#servers.firstPosition(options.partition);
    if (options.from > last + 1 || options.from < first) {
      throw new LogTruncatedError(`the log holds ${first} to ${last}`);
    }
    return new SimulatedSubscription({
      servers: this.#servers,
      process: this.#process,
      region: this.#region,
      ...options,
    });
  }
}

class SimulatedSubscription implements LogSubscription {
  readonly #servers: SimulatedLogServers;
  readonly #process: Process;
  readonly #region: string;
  readonly #partition: number;
  readonly #generation: number;
  #next: number;
  #isClosed = false;
  /** Ends the receive that waits, if one does. */
  #wake: () => void = () => undefined;

  constructor(options: {
    servers: SimulatedLogServers;
    process: Process;
    region: string;
    partition: number;
    from: number;
  }) {
    this.#servers = options.servers;
    this.#process = options.process;
    this.#region = options.region;
    this.#partition = options.partition;
    this.#generation = options.servers.generation(options.partition);
    this.#next = options.from;
  }

  async receive(options: {
    messagesMax: number;
    bytesMax: number;
    timeoutMs: number;
  }): Promise<LogMessage[]> {
    const { random } = this.#process.world;
    this.#checkOpen();
    if (random.chance(this.#servers.faults.lostSubscriptions))
      throw new SubscriptionLostError("the consumer is gone");
    await this.#waitForMore(options.timeoutMs);
    this.#checkOpen();
    await this.#process.pass(random.fraction() * 5);
    this.#checkOpen();
    if (this.#next < this.#servers.firstPosition(this.#partition)) {
      throw new SubscriptionLostError(`position ${this.#next} was trimmed`);
    }
    const end = this.#servers.replicatedTo(this.#region, this.#partition);
    const messages: LogMessage[] = [];
    let bytes = 0;
    for (const message of this.#servers.messages(this.#partition).slice(this.#next - 1, end)) {
      bytes += message.data.length;
      if (messages.length > 0 && (messages.length >= options.messagesMax || bytes > options.bytesMax)) break;
      messages.push(message);
    }
    this.#next += messages.length;
    return messages;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new SubscriptionLostError("the subscription is closed");
    if (this.#generation !== this.#servers.generation(this.#partition))
      throw new SubscriptionLostError("the consumer is gone");
  }

  #waitForMore(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { world } = this.#servers;
      const isOther = () => this.#generation !== this.#servers.generation(this.#partition);
      const isMore = () =>
        isOther() || this.#servers.replicatedTo(this.#region, this.#partition) >= this.#next;
      const finish = () => {
        callOff();
        forget();
        if (this.#process.isAlive) resolve();
      };
      const callOff = world.after(timeoutMs, finish);
      this.#wake = finish;
      const forget = this.#servers.onChange(() => {
        if (isMore()) finish();
      });
      if (isMore()) finish();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
  }
}
