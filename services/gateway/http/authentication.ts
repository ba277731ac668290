/**
 * Whose each request is: looked up as it comes, before the door, where its credential is known; verified behind it otherwise.
 * Routes ask for the result (`access.ts`), so that those that anybody may use don't depend on it.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Identity } from "../../core/access/identity.ts";
import { FEED_TOKEN_SUBPROTOCOL_PREFIX } from "../../protocol/http/feed.ts";
import type { Authenticator } from "../access/authenticator.ts";
import { unauthenticated, type Remembered } from "../access/verified.ts";
import { GatewayError } from "../errors.ts";
import type { Authenticated } from "./access.ts";
import { addressOf } from "./client-address.ts";
import { identify } from "./identity.ts";

/** Whose part of the door's bounds those have that are not known yet; no tenant can be named so. */
export const UNKNOWN_TENANT = "$unknown";

const VERDICT = Symbol("verdict");
const BEARER = /^bearer +(\S+) *$/i;

interface Judged extends IncomingMessage {
  [VERDICT]?: { readonly verified: Remembered; readonly credential: string } | { readonly error: unknown };
}

type AuthenticatorPart = Pick<Authenticator, "known" | "verify" | "renew" | "leftMs" | "isBelievable">;

/** A request's tenant is known from here on. @returns whether it may go on; else it has been answered. */
export type Arrived = (request: IncomingMessage, response: ServerResponse, tenant: string) => boolean;

export class Authentication implements Authenticated {
  readonly #authenticator: AuthenticatorPart;

  constructor(authenticator: AuthenticatorPart) {
    this.#authenticator = authenticator;
  }

  /** For the door: without waiting. */
  tenantOf(request: IncomingMessage): string {
    const credential = credentialOf(request);
    const verified = credential === undefined ? undefined : this.#authenticator.known(credential);
    if (verified === undefined) return UNKNOWN_TENANT;
    this.#judge(request, verified, credential!);
    return verified.identity.tenant;
  }

  /** Calls the listener once it is known whose the request is, or that nobody knows. */
  guard(listener: RequestListener, arrived: Arrived = () => true): RequestListener {
    return (request, response) => {
      if ((request as Judged)[VERDICT] !== undefined || credentialOf(request) === undefined) {
        listener(request, response);
        return;
      }
      void this.#verify(request).finally(() => {
        if (response.destroyed) return;
        const verdict = (request as Judged)[VERDICT]!;
        if ("error" in verdict || arrived(request, response, verdict.verified.identity.tenant))
          listener(request, response);
      });
    };
  }

  /** @throws {GatewayError} unauthenticated; and where it could not be found out. */
  check(request: IncomingMessage): Identity {
    const verdict = (request as Judged)[VERDICT];
    if (verdict === undefined) {
      const wanted = "Authorization: Bearer, with an API key or a token";
      const isOther = request.headers.authorization !== undefined;
      throw unauthenticated(
        isOther ? `the only scheme is ${wanted}` : `the request has no credential: ${wanted}`,
      );
    }
    if ("error" in verdict) throw verdict.error;
    return verdict.verified.identity;
  }

  /** Of a request for a WebSocket, which passes no door. @throws {GatewayError} as `check`. */
  async admit(request: IncomingMessage): Promise<void> {
    if (credentialOf(request) !== undefined) await this.#verify(request);
    this.check(request);
  }

  /**
   * Looks again at the credential of a request that was let in, as its connection lasts; or at another one that is to follow it.
   * @throws {GatewayError} as `check`; forbidden where it is another tenant's. Then all stays as it was.
   */
  async renew(request: IncomingMessage, other?: string): Promise<void> {
    const { tenant } = this.check(request);
    const credential = other ?? currentCredential(request);
    let verified: Remembered;
    try {
      verified = await (other === undefined
        ? this.#authenticator.renew(credential)
        : this.#authenticator.verify(credential, addressOf(request)));
    } catch (error) {
      // Another has followed meanwhile: what was found out is not about it.
      if (other === undefined && credential !== currentCredential(request)) return;
      throw error;
    }
    if (other === undefined && credential !== currentCredential(request)) return;
    if (verified.identity.tenant !== tenant) {
      throw new GatewayError("forbidden", "the credential is of another tenant than the connection's");
    }
    this.#judge(request, verified, credential);
  }

  /** How long the request's credential holds; undefined where it does not expire. */
  leftMsOf(request: IncomingMessage): number | undefined {
    const verdict = (request as Judged)[VERDICT];
    if (verdict === undefined || "error" in verdict) return undefined;
    return this.#authenticator.leftMs(verdict.verified);
  }

  /** Whether a request's credential can be taken for right while nobody can be asked about it. */
  isBelievable(request: IncomingMessage): boolean {
    const verdict = (request as Judged)[VERDICT];
    return (
      verdict !== undefined && "verified" in verdict && this.#authenticator.isBelievable(verdict.verified)
    );
  }

  /** Never rejects. */
  async #verify(request: IncomingMessage): Promise<void> {
    try {
      const credential = credentialOf(request)!;
      const verified = await this.#authenticator.verify(credential, addressOf(request));
      this.#judge(request, verified, credential);
    } catch (error) {
      (request as Judged)[VERDICT] = { error };
    }
  }

  #judge(request: IncomingMessage, verified: Remembered, credential: string): void {
    (request as Judged)[VERDICT] = { verified, credential };
    identify(request, verified.identity);
  }
}

/** The one that counts: the request's own, or what has followed it. */
function currentCredential(request: IncomingMessage): string {
  const verdict = (request as Judged)[VERDICT];
  return verdict !== undefined && "credential" in verdict ? verdict.credential : "";
}

/** In the header; of a browser's WebSocket, which can set none, among the subprotocols. */
function credentialOf({ headers }: IncomingMessage): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1];
  if (headers.upgrade === undefined) return undefined;
  const offered = headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim());
  return offered
    ?.find((name) => name.startsWith(FEED_TOKEN_SUBPROTOCOL_PREFIX))
    ?.slice(FEED_TOKEN_SUBPROTOCOL_PREFIX.length);
}
