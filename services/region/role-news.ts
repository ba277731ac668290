/** Processes of a region tell each other that a role was given back: whoever waits for it takes it at once, not at its next look. */
import type { Announcements } from "../ports/announcements.ts";
import { Signal } from "../runtime/signal.ts";

const TOPIC = "role";

export class RoleNews {
  /** Some role may be free now. */
  readonly freed = new Signal();
  readonly #bus: Announcements;

  constructor(bus: Announcements, ownRegion: string) {
    this.#bus = bus;
    bus.listen(TOPIC, (region) => {
      if (region === ownRegion) this.freed.notify();
    });
  }

  tell(): void {
    this.#bus.announce(TOPIC, new Uint8Array());
  }
}
