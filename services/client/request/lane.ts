/** The way to one region: so many requests at once, over connections that stay open; the next ones wait in order. */

export interface LaneLimits {
  /** Requests on their way to a region at once. */
  readonly inFlightMax: number;
  /** Requests that wait for that. */
  readonly waitingMax: number;
  /** Writes that may go in one request, where they come together; 1: each in its own. */
  readonly gatherMax: number;
}

export const LANE_LIMITS_DEFAULT: LaneLimits = { inFlightMax: 128, waitingMax: 4_096, gatherMax: 64 };

export class Lane {
  readonly #limits: LaneLimits;
  readonly #waiting = new Set<(hasPlace: boolean) => void>();
  #inFlight = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** @returns false where too many wait already. Whoever is let in has to `leave`. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.#limits.inFlightMax) return false;
    this.#inFlight += 1;
    return true;
  }

  get isFull(): boolean {
    return this.#waiting.size >= this.#limits.waitingMax;
  }

  /** Waits for a place. `entered` is false where it was given up before, or the lane was cleared. */
  wait(): { readonly entered: Promise<boolean>; readonly giveUp: () => void } {
    let giveUp = () => {};
    const entered = new Promise<boolean>((resolve) => {
      this.#waiting.add(resolve);
      giveUp = () => {
        this.#waiting.delete(resolve);
        resolve(false);
      };
    });
    return { entered, giveUp };
  }

  /** Hands the place on to whoever waits longest. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#inFlight -= 1;
    else {
      this.#waiting.delete(next);
      next(true);
    }
  }

  /** Whoever waits is to go elsewhere. */
  clear(): void {
    for (const leave of this.#waiting) leave(false);
    this.#waiting.clear();
  }
}
