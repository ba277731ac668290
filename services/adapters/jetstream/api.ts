/**
 * Requests to JetStream's API, such as for a stream's state.
 *
 * What is sent while there is no leader is answered by nobody, also not by the next leader. So the time for a request is
 * spent on several attempts: the first short, that a leader who has just come back is heard soon, the last long, for
 * servers that are far away or busy.
 */
import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { Connection } from "../nats/connection.ts";
import { assertOpen } from "./errors.ts";

/** Together 3 s. A request over the longest links that a log is stretched over takes a third of the first. */
const ATTEMPTS_TIMEOUTS_MS = [400, 600, 800, 1_200];

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
  async ask<T>(request: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    for (const [attempt, manager] of this.#managers.entries()) {
      assertOpen(this.#connection);
      try {
        return await this.#connection.untilInterrupted(request(manager));
      } catch (error) {
        if (!(error instanceof errors.TimeoutError) || attempt === this.#managers.length - 1) throw error;
      }
    }
    throw new RangeError("an API without managers can't be asked");
  }
}
