/** A worker that can be paused: while it is, its timers don't fire, and nothing that it sends leaves. */
import type { Platform } from "../../index.ts";

export interface Pausable {
  readonly platform: Partial<Platform>;
  stop(): void;
  goOn(): void;
}

export function pausablePlatform(): Pausable {
  const held: (() => void)[] = [];
  let isPaused = false;
  /** Calls at once, or when the worker goes on. */
  const whenAwake = (call: () => void) => (isPaused ? void held.push(call) : call());
  const fetchAwake = async (url: string, init: RequestInit): Promise<Response> => {
    await new Promise<void>((resolve) => whenAwake(resolve));
    return fetch(url, init);
  };
  return {
    platform: {
      fetch: fetchAwake,
      after(delayMs, call) {
        const timer = setTimeout(() => whenAwake(call), delayMs);
        return () => clearTimeout(timer);
      },
    },
    stop: () => void (isPaused = true),
    goOn() {
      isPaused = false;
      for (const call of held.splice(0)) call();
    },
  };
}
