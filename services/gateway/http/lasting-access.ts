/**
 * Who is at the other end of a connection that lasts. Its credential is looked at again and again: once it has expired, was
 * revoked or is no longer enough, that is told.
 */
import type { IncomingMessage } from "node:http";
import { GatewayError } from "../errors.ts";
import { authorize, checkMay, type Access } from "./access.ts";
import type { Authentication } from "./authentication.ts";
import { identityOf } from "./identity.ts";

/** How long one may go on with a credential that was revoked, besides what the authenticator remembers. */
const LOOK_EVERY_MS = 15_000;
/** Clocks that disagree about an end must not have it looked at without a pause. */
const LOOK_AGAIN_MS_MIN = 1_000;

export interface LastingAccessOptions {
  readonly request: IncomingMessage;
  /** What it needs for as long as it lasts. */
  readonly access: Access;
  /** Undefined: nobody is asked for credentials. */
  readonly authentication: Authentication | undefined;
  /** Called once: the credential is not right any more. */
  readonly onOver: () => void;
  /** The credential is right, and may let do less than before. */
  readonly onChange?: () => void;
}

export class LastingAccess {
  readonly #options: LastingAccessOptions;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: LastingAccessOptions) {
    this.#options = options;
    this.#schedule();
  }

  get tenant(): string {
    return identityOf(this.#options.request).tenant;
  }

  /** @throws {GatewayError} forbidden. */
  checkRead(collection: string): void {
    checkMay(this.#options.request, "read", collection);
  }

  /** Goes on with another credential of the same tenant. @throws {GatewayError} as `Authentication.renew`. */
  async change(credential: string): Promise<void> {
    if (this.#options.authentication === undefined) return;
    await this.#renew(credential);
    this.#schedule();
  }

  /** The connection is over. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #renew(credential?: string): Promise<void> {
    const { authentication, request, access, onChange } = this.#options;
    await authentication!.renew(request, credential);
    authorize({ raw: request, params: {} }, access, authentication);
    onChange?.();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { authentication, request } = this.#options;
    if (authentication === undefined || this.#isOver) return;
    const leftMs = authentication.leftMsOf(request) ?? Infinity;
    this.#timer = setTimeout(
      () => void this.#look(),
      Math.max(LOOK_AGAIN_MS_MIN, Math.min(LOOK_EVERY_MS, leftMs)),
    );
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { authentication, request } = this.#options;
    // What has expired nobody needs to be asked about.
    if ((authentication!.leftMsOf(request) ?? Infinity) <= 0) return this.#tellOver();
    try {
      await this.#renew();
    } catch (error) {
      const isWrong = error instanceof GatewayError && ["unauthenticated", "forbidden"].includes(error.code);
      // Where nobody could be asked, nobody has said that it is wrong; for so long it is believed.
      if (isWrong || !authentication!.isBelievable(request)) return this.#tellOver();
    }
    this.#schedule();
  }

  #tellOver(): void {
    if (this.#isOver) return;
    this.end();
    this.#options.onOver();
  }
}
