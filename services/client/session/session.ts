/** What this client has seen: with it, it reads its own writes and never goes backwards, in any region. */
import { unsent } from "../errors.ts";
import { coveringTokens, readToken, type ReadToken } from "./token.ts";

const SEPARATOR = ",";
/** Of what one request carries: less than regions take. */
const TOKENS_MAX = 64;
const LENGTH_MAX = 20_000;

/** What a request carries, to be handed to `seen` with its answer. */
export interface Carried {
  readonly tokens: readonly string[];
  readonly generation: number;
  /** Whether it is all that is held. */
  readonly isAll: boolean;
}

export class Session {
  /** Newest first. What one request carried, its answer's token covers; answers to requests side by side don't cover each other. */
  #tokens: readonly string[] = [];
  /** Those of `#tokens` that were compared with others. */
  #read: readonly ReadToken[] = [];
  #generation = 0;

  /** To go on with elsewhere: in another client, after a restart, on the server that renders the next page. */
  export(): string {
    return this.#tokens.join(SEPARATOR);
  }

  /** Adds to what this client has seen; nothing is forgotten. @throws {ForebayError} invalid-session. */
  import(exported: string): void {
    if (/[^ -~]/.test(exported))
      throw unsent("invalid-session", "this is nothing that a session has exported");
    if (exported !== "") this.#add(exported.split(SEPARATOR), this.#tokens);
  }

  /** Begins anew: after `session-lost`, or for another user. */
  clear(): void {
    this.#tokens = [];
    this.#generation += 1;
  }

  /** As much as a request may have, the oldest first, and two tokens at least: its answer covers them, so there is less to carry next time. */
  carry(): Carried {
    const [held, generation] = [this.#tokens, this.#generation];
    let length = 0;
    const oldest = held.toReversed();
    const fits = oldest.filter(
      (token, index) => (length += token.length + 1) < LENGTH_MAX && index < TOKENS_MAX,
    ).length;
    const tokens = fits === held.length ? held : oldest.slice(0, Math.max(2, fits));
    return { tokens, generation, isAll: tokens.length === held.length };
  }

  carryAll(): Carried {
    return { tokens: this.#tokens, generation: this.#generation, isAll: true };
  }

  /** Of an answer to a request that carried this. */
  seen(token: string, { tokens, generation }: Omit<Carried, "isAll">): void {
    if (generation !== this.#generation) return;
    if (this.#tokens === tokens) this.#tokens = [token];
    else
      this.#add(
        [token],
        this.#tokens.filter((held) => !tokens.includes(held)),
      );
  }

  #add(tokens: readonly string[], held: readonly string[]): void {
    const unique = [...new Set([...tokens, ...held])];
    const read = unique.map((token) => this.#read.find((one) => one.token === token) ?? readToken(token));
    this.#read = coveringTokens(read);
    this.#tokens = this.#read.map(({ token }) => token);
  }
}

/** As the header `Forebay-Session` has it. */
export function sessionHeader({ tokens }: Carried): string {
  return tokens.join(SEPARATOR);
}
