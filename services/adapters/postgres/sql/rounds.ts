/**
 * Work that is done one by one, round after round: what is refused, or busy elsewhere, keeps nothing else from being done,
 * and is told once there is nothing else left.
 */
import pg from "pg";
import { FollowError } from "../../../ports/sql-access.ts";
import { sqlStateOf } from "../errors.ts";

/** Rounds in a row in which all was busy elsewhere. One is begun every second or two: minutes. */
const BUSY_ROUNDS_MAX = 80;

interface Failure {
  readonly what: string;
  readonly error: Error;
}

interface Round {
  done: number;
  readonly busy: string[];
  readonly failures: Failure[];
}

/** Does one thing. `work` says how much there was to do, or null while another process is at it. */
export type Attempt = (what: string, work: () => Promise<number | null>) => Promise<void>;

export class Rounds {
  #busyRounds = 0;

  /**
   * @returns how much was done.
   * @throws {FollowError} when nothing was, and not all is well; what ends the round: the database is away.
   */
  async run(work: (attempt: Attempt) => Promise<void>): Promise<number> {
    const round: Round = { done: 0, busy: [], failures: [] };
    await work((what, one) => attempt(round, what, one));
    const { done, busy, failures } = round;
    this.#busyRounds = busy.length > 0 && done === 0 ? this.#busyRounds + 1 : 0;
    if (done > 0) return done;
    if (failures.length > 0) throw failed(failures);
    if (this.#busyRounds > BUSY_ROUNDS_MAX)
      throw new FollowError(
        `another process has been at it in ${this.#busyRounds} rounds in a row, and this one could not ${told(busy)}`,
      );
    return 0;
  }
}

async function attempt(round: Round, what: string, work: () => Promise<number | null>): Promise<void> {
  try {
    const done = await work();
    if (done === null) round.busy.push(what);
    else round.done += done;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    round.failures.push({ what, error });
  }
}

/** The server has answered, and so will answer the next one. */
function isRefusal(error: unknown): error is Error {
  return error instanceof pg.DatabaseError || sqlStateOf(error) !== undefined;
}

function failed(failures: readonly Failure[]): FollowError {
  const [{ what, error }] = failures as readonly [Failure];
  const others = failures.length === 1 ? "" : `; and ${failures.length - 1} more`;
  return new FollowError(`${what}: ${error.message}${others}`, { cause: error });
}

function told(things: readonly string[]): string {
  return things.length === 1 ? things[0]! : `${things[0]!} and ${things.length - 1} more`;
}
