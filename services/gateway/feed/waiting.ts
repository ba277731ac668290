/** Who waits for room: woken one after the other, in the order that they came, for as long as there is room. */

export class Waiting {
  readonly #waiting: (() => void)[] = [];
  #isWaking = false;

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Each has sent what it had at hand before the next is woken: woken together they would all find the same room. */
  async wake(hasRoom: () => boolean): Promise<void> {
    if (this.#isWaking) return;
    this.#isWaking = true;
    while (hasRoom()) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      next();
      // What awaits the promise goes on before this does.
      await Promise.resolve();
      await Promise.resolve();
    }
    this.#isWaking = false;
  }

  wakeAll(): void {
    for (const next of this.#waiting.splice(0)) next();
  }
}
