import { describe, expect, it } from "vitest";
import { Signal } from "../../../services/runtime/signal.ts";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";

const FOR_EVER_MS = 1_000_000_000;

function bed() {
  const world = new World(1);
  const clock = new SimulatedClock(new Process(world, "test"));
  const woken: string[] = [];
  const wait = (signal: Signal, name: string, options: { timeoutMs?: number; stop?: AbortSignal } = {}) =>
    signal.wait({ clock, timeoutMs: FOR_EVER_MS, ...options }).then(() => woken.push(name));
  return { world, clock, woken, wait, turn: () => world.run(world.nowMs + 1) };
}

describe("signal", () => {
  it("wakes all that wait, once", async () => {
    const { woken, wait, turn } = bed();
    const signal = new Signal();
    const waiting = ["a", "b", "c"].map((name) => wait(signal, name));
    await turn();
    expect(woken).toEqual([]);
    signal.notify();
    await Promise.all(waiting);
    expect(woken).toEqual(["a", "b", "c"]);
    void wait(signal, "d");
    await turn();
    expect(woken).toEqual(["a", "b", "c"]);
  });

  it("is no memory: what was notified before is missed, and costs a poll", async () => {
    const { world, woken, wait } = bed();
    const signal = new Signal();
    signal.notify();
    void wait(signal, "a", { timeoutMs: 50 });
    await world.run(49);
    expect(woken).toEqual([]);
    await world.run(50);
    expect(woken).toEqual(["a"]);
  });

  it("ends a wait when its stop is aborted, before or during it, and leaves the others waiting", async () => {
    const { woken, wait, turn } = bed();
    const signal = new Signal();
    const stop = new AbortController();
    const waiting = wait(signal, "stopped", { stop: stop.signal });
    void wait(signal, "other");
    stop.abort();
    await waiting;
    await wait(signal, "stopped before", { stop: stop.signal });
    await turn();
    expect(woken).toEqual(["stopped", "stopped before"]);
  });

  it("keeps nothing of a wait that is over: no listener, no one to wake", async () => {
    const { world, clock } = bed();
    const signal = new Signal();
    const stop = new AbortController();
    let listeners = 0;
    const counted = new Proxy(stop.signal, {
      get(target, name) {
        if (name === "addEventListener" || name === "removeEventListener") {
          const by = name === "addEventListener" ? 1 : -1;
          return (...parameters: Parameters<AbortSignal["addEventListener"]>) => {
            listeners += by;
            target[name](...parameters);
          };
        }
        return Reflect.get(target, name, target) as unknown;
      },
    });
    for (let round = 0; round < 20; round += 1) {
      const waiting = signal.wait({ clock, timeoutMs: 10, stop: counted });
      if (round % 2 === 0) signal.notify();
      await world.run(world.nowMs + 20);
      await waiting;
    }
    expect(listeners).toBe(0);
  });

  it("may be notified by one that it has just woken", async () => {
    const { wait, woken } = bed();
    const signal = new Signal();
    const chained = wait(signal, "a").then(() => {
      const next = wait(signal, "b");
      signal.notify();
      return next;
    });
    signal.notify();
    await chained;
    expect(woken).toEqual(["a", "b"]);
  });
});
