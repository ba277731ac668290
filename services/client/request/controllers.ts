/**
 * Abort controllers, each for one request at a time, and for several in turn: to make one costs Node.js more than the rest of what
 * this client does about a request. Each serves a few alone, since whoever listens to its signal is forgotten with it; fewer than
 * Node.js takes for a leak.
 */

const USES_MAX = 8;
const KEPT_MAX = 256;

interface Kept {
  readonly controller: AbortController;
  readonly uses: number;
}

export class Controllers {
  readonly #kept: Kept[] = [];

  take(): Kept {
    return this.#kept.pop() ?? { controller: new AbortController(), uses: 0 };
  }

  /** Whatever it was used for is over. */
  giveBack({ controller, uses }: Kept): void {
    if (controller.signal.aborted || uses + 1 >= USES_MAX || this.#kept.length >= KEPT_MAX) return;
    this.#kept.push({ controller, uses: uses + 1 });
  }
}
