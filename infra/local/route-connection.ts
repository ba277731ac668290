/**
 * One connection through a link proxy: hear who dials → connect on → carry both ways.
 * A dialler whose link is known from the start, by the port that it dials, need not speak first.
 * Another one that is not known by its id is let through to the acceptor's greeting, since it names itself only after that.
 */
import { connect, type Socket } from "node:net";
import { DelayedPipe } from "./delayed-pipe.ts";
import type { LinkCondition } from "./faults/link-fault.ts";
import { readIntroduction } from "./introduction.ts";
import { LOOPBACK } from "./ports.ts";

/** The two directions of the link between the dialler and the acceptor. */
export interface LinkDirections {
  readonly dialler: string;
  readonly forth: LinkCondition;
  readonly back: LinkCondition;
  /** The chance that a connection of this dialler is reset, 0 to 1. */
  readonly lossShare: () => number;
}

export interface RouteConnectionOptions {
  readonly near: Socket;
  readonly targetPort: () => number;
  /** The link, once the dialler is known; undefined while what it said is not enough. */
  readonly identify: (
    serverId: string | undefined,
    serverName: string | undefined,
  ) => LinkDirections | undefined;
  /** The link, where it is known from the start; then nothing is said that could be read. */
  readonly link?: LinkDirections | undefined;
  readonly onClose: () => void;
  readonly nowMs: () => number;
  readonly random: () => number;
}

const OPEN: LinkCondition = { isCut: false, delayMs: 0, jitterMs: 0, spreadMs: 0 };
/** Far more than the lines in which a server introduces itself. */
const INTRODUCTION_BYTES_MAX = 64 * 1024;

export class RouteConnection {
  readonly #options: RouteConnectionOptions;
  readonly #heard: Buffer[] = [];
  readonly #hear = (bytes: Buffer): void => this.#onHeard(bytes);
  #heardBytes = 0;
  #hasSpoken = false;
  #link: LinkDirections | undefined;
  #far: Socket | undefined;
  #forth: DelayedPipe | undefined;
  #back: DelayedPipe | undefined;

  constructor(options: RouteConnectionOptions) {
    this.#options = options;
    this.#link = options.link;
    options.near.on("data", this.#hear);
    options.near.on("error", () => undefined);
    options.near.on("end", () => (this.#forth === undefined ? this.close() : undefined));
    options.near.once("close", () => this.#forgetWhenClosed());
    if (this.#link !== undefined) {
      this.#hasSpoken = true;
      this.resetByChance();
      this.#advance();
    }
  }

  /** The region that dialled, once it is known. */
  get dialler(): string | undefined {
    return this.#link?.dialler;
  }

  get isCarrying(): boolean {
    return this.#forth !== undefined;
  }

  /** Looks again at the condition of its link: delivers what has become due, or connects on at last. */
  update(): void {
    this.#advance();
    this.#forth?.adapt();
    this.#back?.adapt();
  }

  /** Resets the connection with the chance that its link has now, as a lossy path does that loses too much. */
  resetByChance(): void {
    const link = this.#link;
    // Over a cut link not even a reset gets through.
    if (link === undefined || link.forth.isCut || link.back.isCut) {
      return;
    }
    if (this.#options.random() >= link.lossShare()) {
      return;
    }
    this.#forth?.close();
    this.#back?.close();
    this.#options.near.resetAndDestroy();
    this.#far?.resetAndDestroy();
  }

  close(): void {
    this.#forth?.close();
    this.#back?.close();
    this.#options.near.destroy();
    this.#far?.destroy();
  }

  #onHeard(bytes: Buffer): void {
    this.#heard.push(bytes);
    this.#heardBytes += bytes.byteLength;
    if (this.#heardBytes > INTRODUCTION_BYTES_MAX) {
      this.close();
      return;
    }
    if (this.#options.link !== undefined) {
      this.#advance();
      return;
    }
    const { serverId, serverName } = readIntroduction(Buffer.concat(this.#heard));
    this.#hasSpoken = serverId !== undefined || serverName !== undefined;
    if (this.#link === undefined) {
      this.#link = this.#options.identify(serverId, serverName);
      this.resetByChance();
    }
    this.#advance();
  }

  #advance(): void {
    if (!this.#hasSpoken || this.#forth !== undefined || this.#options.near.destroyed) {
      return;
    }
    if (this.#far === undefined) {
      const isCut = this.#link !== undefined && (this.#link.forth.isCut || this.#link.back.isCut);
      if (isCut) {
        return;
      }
      this.#connectOn();
    }
    if (this.#link !== undefined && this.#far !== undefined) {
      this.#carryForth(this.#link, this.#far);
    }
  }

  #connectOn(): void {
    const { near, targetPort, nowMs, random } = this.#options;
    const far = connect({ port: targetPort(), host: LOOPBACK, allowHalfOpen: true, noDelay: true });
    this.#far = far;
    let hasConnected = false;
    far.once("connect", () => (hasConnected = true));
    // A refused connection is refused to the dialler too, as it would be without a proxy.
    far.on("error", () => (hasConnected ? undefined : near.destroy()));
    far.once("close", () => this.#forgetWhenClosed());
    this.#back = new DelayedPipe({
      from: far,
      to: near,
      condition: () => this.#link?.back ?? OPEN,
      nowMs,
      random,
    });
  }

  #carryForth(link: LinkDirections, far: Socket): void {
    const { near, nowMs, random } = this.#options;
    near.off("data", this.#hear);
    this.#forth = new DelayedPipe({ from: near, to: far, condition: () => link.forth, nowMs, random });
    for (const bytes of this.#heard.splice(0)) {
      this.#forth.take(bytes);
    }
  }

  #forgetWhenClosed(): void {
    const { near, onClose } = this.#options;
    if (near.closed && this.#forth === undefined) {
      this.#far?.destroy();
    }
    if (near.closed && (this.#far === undefined || this.#far.closed)) {
      this.#forth?.close();
      this.#back?.close();
      onClose();
    }
  }
}
