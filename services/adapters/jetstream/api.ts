/**
 * Requests to JetStream's API, such as for a stream's state.
 *
 * What is sent while there is no leader is answered by nobody, also not by the next leader. So a request is sent again every
 * so often, that a leader who has just come back is heard soon, and whichever is answered first counts: servers that are far
 * away or busy have time for the first.
 */
import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { Connection } from "../nats/connection.ts";
import { withinMs } from "../nats/wait.ts";
import { assertOpen } from "./errors.ts";

/** A request over the longest links that a log is stretched over takes a third of it. */
const ATTEMPT_EVERY_MS = 400;
/** All attempts end together, 3 s after the first was sent. */
const ATTEMPTS_TIMEOUTS_MS = [3_000, 2_600, 2_200, 1_800, 1_400, 1_000, 600];

export class JetStreamApi {
  readonly #connection: Pick<Connection, "isOpen" | "untilInterrupted">;
  readonly #managers: readonly JetStreamManager[];

  /** Use `open`. @param managers one for each attempt. */
  constructor(
    connection: Pick<Connection, "isOpen" | "untilInterrupted">,
    managers: readonly JetStreamManager[],
  ) {
    this.#connection = connection;
    this.#managers = managers;
  }

  static async open(connection: Connection): Promise<JetStreamApi> {
    const managers = ATTEMPTS_TIMEOUTS_MS.map((timeout) =>
      jetstreamManager(connection.client, { timeout, checkAPI: false }),
    );
    return new JetStreamApi(connection, await Promise.all(managers));
  }

  /**
   * Asks until it is answered.
   * @param request must do no harm when it is carried out more than once.
   * @throws {LogUnavailableError} not connected. {InterruptedError} the connection was lost meanwhile. Otherwise what the
   * last attempt was rejected with: a timeout of the library, or an answer that says no.
   */
  ask<T>(request: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    return this.#ask(request, []);
  }

  /**
   * As `ask`, for what later requests rely on: an attempt that is carried out late would undo what they have done. So none is
   * on its way any more when it returns or throws, which takes 3 s at most.
   */
  async change<T>(request: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const attempts: Promise<T>[] = [];
    try {
      return await this.#ask(request, attempts);
    } finally {
      await Promise.allSettled(attempts);
    }
  }

  async #ask<T>(request: (manager: JetStreamManager) => Promise<T>, attempts: Promise<T>[]): Promise<T> {
    for (const manager of this.#managers) {
      assertOpen(this.#connection);
      attempts.push(this.#connection.untilInterrupted(request(manager)));
      const answering = firstAnswer(attempts);
      const isLast = attempts.length === this.#managers.length;
      const answer = await (isLast ? answering : withinMs(answering, ATTEMPT_EVERY_MS));
      if (answer !== undefined) return answer.value;
    }
    const last = attempts.at(-1);
    if (last === undefined) throw new RangeError("an API without managers can't be asked");
    return last;
  }
}

/** What any of the attempts is answered with; undefined once the newest has waited for long enough. */
function firstAnswer<T>(attempts: readonly Promise<T>[]): Promise<{ readonly value: T } | undefined> {
  const newest = attempts.at(-1);
  const answers = attempts.map(async (attempt) => {
    try {
      return { value: await attempt };
    } catch (error) {
      if (!(error instanceof errors.TimeoutError)) throw error;
      return attempt === newest ? undefined : new Promise<undefined>(() => undefined);
    }
  });
  return Promise.race(answers);
}
