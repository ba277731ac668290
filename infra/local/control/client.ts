/** The other end of the control channel: finds it in `cluster.json`, and asks for actions there. */
import type { TSchema, Static } from "typebox";
import { Compile } from "typebox/compile";
import { messageOf } from "../errors.ts";
import type { Action, Done } from "../faults/action.ts";
import { DoneAnswer, ErrorAnswer, FAULTS_PATH, FaultsAnswer, type ControlAddress } from "./protocol.ts";

/** A restart waits until a region is ready, for up to a minute. */
const TIMEOUT_MS = 120_000;
const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "localhost", "[::1]"];

const isError = Compile(ErrorAnswer);

/** There is no control channel to use, or it has refused; the message says why. */
export class ControlError extends Error {
  override readonly name = "ControlError";
}

/** Whether an address leads nowhere but to this machine. */
export function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK_HOSTS.includes(new URL(url).hostname);
}

export class ControlClient {
  readonly #address: ControlAddress;

  /** @throws {ControlError} when the address is not on this machine. */
  constructor(address: ControlAddress) {
    if (!isLoopback(address.url)) {
      throw new ControlError(
        `the control channel is said to be at ${address.url}, which is not this machine: only a local cluster may be broken`,
      );
    }
    this.#address = address;
  }

  /** @throws {ControlError} when it can't be done, or the cluster does not answer. */
  async perform(action: Action): Promise<Done> {
    const { told, undo } = await this.#request(DoneAnswer, action);
    return { told, undo };
  }

  /** What is broken now. @throws {ControlError} */
  async faults(): Promise<FaultsAnswer> {
    return await this.#request(FaultsAnswer);
  }

  async #request<T extends TSchema>(schema: T, action?: Action): Promise<Static<T>> {
    const { url, key } = this.#address;
    let response: Response;
    let document: unknown;
    try {
      response = await fetch(`${url}${FAULTS_PATH}`, {
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(action === undefined ? {} : { method: "POST", body: JSON.stringify(action) }),
      });
      document = await response.json();
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      const reason = messageOf(cause ?? error);
      throw new ControlError(`the cluster's control channel at ${url} does not answer: ${reason}`, {
        cause: error,
      });
    }
    const isAnswer = Compile(schema);
    if (response.ok && isAnswer.Check(document)) {
      return document;
    }
    throw new ControlError(
      isError.Check(document) ? document.error : `the control channel answers ${response.status}`,
    );
  }
}
