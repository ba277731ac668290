/**
 * Session tokens as this process hands them out and takes them back; their text and signature are `protocol/session-token.ts`.
 * Those handed out last are remembered: a client sends each with its next request, and to check and read one costs a write dear.
 */
import type { Session } from "../../core/session.ts";
import { decodeSession, decodeSessions, sealSession, sessionPayload } from "../../protocol/session-token.ts";

export const TOKENS_REMEMBERED_MIN = 1_024;
/** Longer ones, of clusters of many partitions and regions, would take tens of megabytes. */
const REMEMBERED_LENGTH_MAX = 1_000;

export class SessionTokens {
  readonly #secret: string;
  #young = new Map<string, Session>();
  #old: ReadonlyMap<string, Session> = this.#young;
  #last: { readonly payload: string; readonly token: string } | undefined;

  constructor(secret: string) {
    this.#secret = secret;
  }

  encode(session: Session): string {
    const payload = sessionPayload(session);
    // All who are answered from one entry of the log have seen the same.
    if (this.#last?.payload === payload) return this.#last.token;
    const token = sealSession(payload, this.#secret);
    this.#last = { payload, token };
    if (token.length <= REMEMBERED_LENGTH_MAX) this.#remember(token, session);
    return token;
  }

  /**
   * All that several tokens cover.
   * @param tokens separated by commas.
   * @throws {InvalidSessionError}
   */
  decode(tokens: string): Session {
    return decodeSessions(
      tokens,
      (token) => this.#young.get(token) ?? this.#old.get(token) ?? decodeSession(token, this.#secret),
    );
  }

  #remember(token: string, session: Session): void {
    // The older half is forgotten at once: to find the oldest of a map costs more than what is saved.
    if (this.#young.size >= TOKENS_REMEMBERED_MIN) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(token, session);
  }
}
