/**
 * The globally ordered log: publish → order by Raft → deliver to every region.
 *
 * One log per partition. Positions are 1, 2, 3… without holes.
 */

export interface LogInspection {
  /** When the log was made: another value is another log. */
  readonly createdAtMs: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Name of the region whose server leads; undefined during an election. */
  readonly leader: string | undefined;
  /** It was made anew and not opened yet: nobody can publish to it. The same `rebuild` again opens it. */
  readonly isClosed: boolean;
}

export interface Leadership {
  /** Name of the region whose server leads; undefined during an election. */
  readonly leader: string | undefined;
  /** Raft term, where the log tells it. */
  readonly term: number | undefined;
  /** When the leader was elected, by its server's clock, where the log tells it: another value is another election. */
  readonly leaderSinceMs: number | undefined;
  /** Where the log ends, as far as the leader has told. */
  readonly lastPosition?: number | undefined;
  /** The others that hold the log; none when there is no leader to tell of them. */
  readonly replicas: readonly LogReplica[];
  /** How many more should hold it that the leader does not know: for a moment after an election, or because they were removed. */
  readonly unknownReplicas?: number;
}

export interface LogReplica {
  readonly region: string;
  /** Whether the leader hears of it. */
  readonly isOnline: boolean;
  /** Whether it is up and has all that the leader has; a far one hardly ever, while entries come. */
  readonly isCurrent: boolean;
  readonly lagEntries: number;
  /** How long ago the leader heard of it. */
  readonly seenAgoMs: number;
}

/** A replica that lags more is not on the heels of the leader: it has to catch up before it can lead. */
export const REPLICA_LAG_ENTRIES_MAX = 500;

export interface MoveLeaderRequest {
  readonly partition: number;
  /** Name of the region whose server is to lead. */
  readonly to: string;
  /** How long to wait until it does. */
  readonly timeoutMs: number;
}

export interface PublishRequest {
  readonly partition: number;
  /** The publishing region: part of the subject, so that a region can't publish as another. */
  readonly origin: string;
  readonly data: Uint8Array;
  readonly timeoutMs: number;
  /** Publish only if the log ends here; used for the genesis entry. */
  readonly expectedLastPosition?: number;
}

export interface LogMessage {
  readonly position: number;
  readonly storedAtMs: number;
  readonly data: Uint8Array;
  /**
   * The region under whose name it was published, which the log has held it to; another text, which no region is called,
   * where it is none of this log's. Undefined for what was put there with the log itself.
   */
  readonly publisher?: string | undefined;
  /** When it came to this process, by its wall clock, where the log tells: for measuring alone. */
  readonly receivedAtMs?: number;
}

export interface LogSubscription {
  /**
   * The next messages in order, at least one, at most `messagesMax` and about `bytesMax`; none when nothing came
   * within the time. Messages are handed out once; only one receive may wait at a time.
   * @throws {SubscriptionLostError} the subscription has to be made anew.
   */
  receive(options: { messagesMax: number; bytesMax: number; timeoutMs: number }): Promise<LogMessage[]>;
  /** A receive that waits then, and any later one, rejects with SubscriptionLostError. Never rejects itself. */
  close(): Promise<void>;
}

export interface GlobalLog {
  /** @throws {LogUnavailableError} */
  inspect(partition: number): Promise<LogInspection>;
  /** Who leads, and how the others keep up. @throws {LogUnavailableError} */
  leadership(partition: number): Promise<Leadership>;
  /**
   * Asks the leader to hand over to a region, once, and waits until another leads. Nobody can publish for some tens of
   * milliseconds. Does nothing where the region leads already.
   * @returns who leads then; undefined when nobody was found to within the time.
   * @throws {LogUnavailableError} nobody leads, or the region can't: certainly nothing has moved.
   */
  moveLeader(request: MoveLeaderRequest): Promise<{ readonly leader: string | undefined }>;
  /**
   * Resolves with the position once a quorum has stored the message.
   * @throws {LogUnavailableError} certainly not stored.
   * @throws {WrongLastPositionError} certainly not stored: the log does not end at `expectedLastPosition`.
   * @throws {PublishTimeoutError} unknown: it may be stored, or may be later.
   */
  publish(request: PublishRequest): Promise<{ position: number }>;
  /**
   * Reads from this region's own replica, from a position on.
   * @param options.isElsewhere from another region's replica, where there is one: the own one may be damaged.
   * @throws {LogUnavailableError}
   * @throws {LogTruncatedError} the log does not reach back, or not up, to the position before `from`.
   */
  subscribe(options: { partition: number; from: number; isElsewhere?: boolean }): Promise<LogSubscription>;
  /**
   * Forgets the entries before a position. Those from it on stay, and the last one in any case. Idempotent: whoever asks,
   * and however many at once.
   * @param options.createdAtMs of the log that is meant (`inspect`): another, under the same name, is left alone.
   * @returns the first position that is left.
   * @throws {OtherLogError} nothing has happened.
   * @throws {LogUnavailableError} nothing or all of it has happened; the same again is safe.
   */
  trim(options: TrimRequest): Promise<{ readonly firstPosition: number }>;
  /**
   * Makes a log anew in place of one that has failed: positions go on after `after`, and nothing gets in before the first
   * entry. What the old one holds is gone. Whoever asks again, from whichever region, goes on where the last has stopped.
   * @returns the log that is there then, with the first entry that it has: another's, where somebody else was faster.
   * @throws {OtherLogError} the log that is there is neither the one that is meant nor one made in its place,
   * or its first entry is not accepted: then it is not opened.
   * @throws {LogUnavailableError} not done, or not known to be: the same again is safe.
   */
  rebuild(request: RebuildRequest): Promise<RebuiltLog>;
}

export interface RebuildRequest {
  readonly partition: number;
  /** Of the log that is meant, and goes; undefined where there is none. */
  readonly createdAtMs: number | undefined;
  /** The first entry's position is the one after it. */
  readonly after: number;
  /** The region that asks. */
  readonly origin: string;
  /** Undefined: one is there. */
  readonly first: Uint8Array | undefined;
  /** Whether the first entry that is there, of whomever, is one to go on with: the log is opened only then. Never throws. */
  readonly accepts?: (first: Uint8Array) => boolean;
}

export interface RebuiltLog {
  readonly createdAtMs: number;
  readonly first: Uint8Array;
}

export interface TrimRequest {
  readonly partition: number;
  readonly createdAtMs: number;
  readonly below: number;
}

/** The log is not the one that was meant: it was made at another time. */
export class OtherLogError extends Error {
  override readonly name = "OtherLogError";
}

export class LogUnavailableError extends Error {
  override readonly name = "LogUnavailableError";
}

/** There is no log of the partition: it was never made, or was deleted. Certainly nothing has happened. */
export class LogMissingError extends LogUnavailableError {}

export class PublishTimeoutError extends Error {
  override readonly name = "PublishTimeoutError";
}

export class WrongLastPositionError extends Error {
  override readonly name = "WrongLastPositionError";
}

/** Reading on from the asked position would leave something out: the log's beginning was trimmed, or its end is gone. */
export class LogTruncatedError extends Error {
  override readonly name = "LogTruncatedError";
}

export class SubscriptionLostError extends Error {
  override readonly name = "SubscriptionLostError";
}

/** The replica that is read holds an entry back that the log has: it may be damaged. */
export class LogGapError extends SubscriptionLostError {
  readonly position: number;
  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}
