import { describe, expect, it } from "vitest";
import { RoleRefusedError } from "../../../services/ports/entry-versions.ts";
import { StoreUnavailableError, type RoleGrant, type Roles } from "../../../services/ports/region-store.ts";
import { describeError } from "../../../services/runtime/describe-error.ts";
import { holdRole, ROLE_TTL_MS } from "../../../services/runtime/hold-role.ts";
import { Signal } from "../../../services/runtime/signal.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { SimulatedDatabase } from "../../simulation/database.ts";
import { SimulatedRegionStore, type StoreFaults } from "../../simulation/region-store.ts";
import { Process, SimulatedClock, wallClockMs, World } from "../../simulation/world.ts";
import { overriding } from "../gateway/bed.ts";

type Work = (grant: RoleGrant, stop: AbortSignal) => Promise<void>;

/** Processes of a region that all want the relay of partition 0. */
class RoleBed {
  readonly world = new World(1);
  readonly database = new SimulatedDatabase("eu", () => wallClockMs(this.world));
  /** Who works at the moment. */
  readonly working = new Set<string>();
  /** Name and epoch of each spell of work. */
  readonly spells: string[] = [];
  /** Between processes that are started with news. */
  readonly freed = new Signal();
  /** What those that wait were told. */
  readonly waiting: (string | undefined)[] = [];
  /** How many have worked at once at most. */
  together = 0;

  start(name: string, options: { work?: Work; wrap?: (store: Roles) => Roles; hasNews?: boolean } = {}) {
    const process = new Process(this.world, name);
    const faults: StoreFaults = { isDown: false, lostAnswers: 0 };
    const store = new SimulatedRegionStore({ database: this.database, process, faults });
    const stop = new AbortController();
    const clock = new SimulatedClock(process);
    const work: Work = async (grant, over) => {
      this.spells.push(`${name} ${grant.epoch}`);
      this.working.add(name);
      this.together = Math.max(this.together, this.working.size);
      try {
        await (options.work ?? ((_, signal) => clock.sleep(1_000_000_000, signal)))(grant, over);
      } finally {
        this.working.delete(name);
      }
    };
    const done = holdRole(
      {
        role: "relay",
        partition: 0,
        holder: name,
        store: options.wrap?.(store) ?? store,
        clock,
        random: this.world.random,
        logger: silentLogger,
        work,
        onWaiting: (refusal) => this.waiting.push(refusal),
        ...(options.hasNews === true && {
          news: { freed: this.freed, tell: () => this.freed.notify() },
        }),
      },
      stop.signal,
    );
    return {
      faults,
      /** Stops it, and waits until it has ended. */
      end: async () => {
        stop.abort();
        let isOver = false;
        void done.then(() => (isOver = true));
        await this.until(() => isOver, `${name} ends`);
      },
      stop: () => stop.abort(),
      kill: () => {
        process.kill();
        this.working.delete(name);
      },
    };
  }

  pass(durationMs: number): Promise<void> {
    return this.world.run(this.world.nowMs + durationMs);
  }

  until(isDone: () => boolean, what: string): Promise<void> {
    return this.world.runUntil(isDone, { limitMs: 60_000, what });
  }
}

describe("holdRole", () => {
  it("lets one of several work, for as long as it lives, under one epoch", async () => {
    const bed = new RoleBed();
    for (const name of ["a", "b", "c"]) bed.start(name);
    await bed.pass(60_000);
    expect(bed.spells).toHaveLength(1);
    expect(bed.working.size).toBe(1);
  });

  it("passes the role on after a death, with a higher epoch, and not before it has expired", async () => {
    const bed = new RoleBed();
    const first = bed.start("a");
    await bed.until(() => bed.working.has("a"), "a works");
    bed.start("b");
    await bed.pass(5_000);
    first.kill();
    const diedAtMs = bed.world.nowMs;
    await bed.until(() => bed.working.has("b"), "b takes over");
    // The last renewal was at most a second before the death.
    expect(bed.world.nowMs - diedAtMs).toBeGreaterThan(ROLE_TTL_MS - 1_100);
    expect(bed.world.nowMs - diedAtMs).toBeLessThan(2 * ROLE_TTL_MS);
    expect(bed.spells).toEqual(["a 1", "b 2"]);
    expect(bed.together).toBe(1);
  });

  it("gives the role back when it is stopped, so that another has it at once", async () => {
    const bed = new RoleBed();
    const first = bed.start("a");
    await bed.until(() => bed.working.has("a"), "a works");
    bed.start("b");
    await bed.pass(100);
    first.stop();
    const stoppedAtMs = bed.world.nowMs;
    await bed.until(() => bed.working.has("b"), "b takes over");
    expect(bed.world.nowMs - stoppedAtMs).toBeLessThan(ROLE_TTL_MS);
    await first.end();
    expect(bed.together).toBe(1);
  });

  it("tells others when it gives the role back: they need not look first", async () => {
    const takeoverMs = async (hasNews: boolean) => {
      const bed = new RoleBed();
      const first = bed.start("a", { hasNews });
      await bed.until(() => bed.working.has("a"), "a works");
      let takenAtMs: number | undefined;
      const work: Work = async () => {
        takenAtMs ??= bed.world.nowMs;
      };
      bed.start("b", { hasNews, work });
      // It has just looked.
      await bed.pass(20);
      first.stop();
      const stoppedAtMs = bed.world.nowMs;
      await bed.until(() => takenAtMs !== undefined, "b takes over");
      expect(bed.together).toBe(1);
      return takenAtMs! - stoppedAtMs;
    };
    const [told, untold] = [await takeoverMs(true), await takeoverMs(false)];
    expect(told).toBeLessThan(untold / 2);
  });

  it("ends when it is stopped, while it works, while it waits, and while it asks", async () => {
    const bed = new RoleBed();
    const [first, second] = [bed.start("a"), bed.start("b")];
    await bed.pass(5_000);
    const [holder, waiting] = bed.working.has("a") ? [first, second] : [second, first];
    await waiting.end();
    await holder.end();
    expect(bed.spells).toHaveLength(1);
    await bed.start("c").end();
    expect(bed.working.size).toBe(0);
  });

  it("stops the work when the role was lost to another", async () => {
    const bed = new RoleBed();
    bed.start("a");
    await bed.until(() => bed.working.has("a"), "a works");
    const thief = { role: "relay", partition: 0, holder: "thief", ttlMs: 10_000 } as const;
    bed.database.releaseRole({ ...thief, holder: "a" });
    expect(bed.database.acquireRole(thief)).toEqual({ epoch: 2 });
    await bed.until(() => bed.working.size === 0, "a stops");
    await bed.until(() => bed.working.has("a"), "a works again");
    expect(bed.spells).toEqual(["a 1", "a 3"]);
  });

  it("stops the work when the role can't be renewed for as long as it lasts, and takes it again later", async () => {
    const bed = new RoleBed();
    const holder = bed.start("a");
    await bed.until(() => bed.working.has("a"), "a works");
    await bed.pass(2_500);
    holder.faults.isDown = true;
    await bed.until(() => bed.working.size === 0, "a stops");
    holder.faults.isDown = false;
    await bed.until(() => bed.working.has("a"), "a works again");
    expect(bed.spells).toEqual(["a 1", "a 2"]);
  });

  it("does not stop the work for one renewal that failed", async () => {
    const bed = new RoleBed();
    const holder = bed.start("a");
    await bed.until(() => bed.working.has("a"), "a works");
    await bed.pass(500);
    holder.faults.isDown = true;
    await bed.pass(1_000);
    holder.faults.isDown = false;
    await bed.pass(10_000);
    expect(bed.spells).toEqual(["a 1"]);
  });

  it("stops the work when it comes back under another epoch, having slept over its own end", async () => {
    const bed = new RoleBed();
    let isAsleep = false;
    const wrap = (store: Roles): Roles =>
      overriding(store as SimulatedRegionStore, {
        acquireRole: async (options) => {
          if (isAsleep && bed.spells.length === 1)
            await bed.world.runUntil(() => true, { limitMs: 1, what: "" });
          return store.acquireRole(options);
        },
      });
    bed.start("a", { wrap });
    await bed.until(() => bed.working.has("a"), "a works");
    isAsleep = true;
    bed.database.releaseRole({ role: "relay", partition: 0, holder: "a" });
    await bed.until(() => bed.spells.length === 2, "a starts anew");
    // The renewal already took the new epoch; the work under the old one had to end first.
    expect(bed.together).toBe(1);
    expect(bed.spells[0]).toBe("a 1");
    expect(Number(bed.spells[1]!.split(" ")[1])).toBeGreaterThan(1);
  });

  it("tries again, ever later, when the work throws, and releases the role in between", async () => {
    const bed = new RoleBed();
    const startedAtMs: number[] = [];
    bed.start("a", {
      work: () => {
        startedAtMs.push(bed.world.nowMs);
        return Promise.reject(new Error("it breaks at once"));
      },
    });
    await bed.until(() => startedAtMs.length >= 8, "eight tries");
    const pauses = startedAtMs.slice(1).map((time, index) => time - startedAtMs[index]!);
    expect(pauses[0]).toBeLessThan(400);
    expect(pauses.at(-1)).toBeGreaterThan(900);
    expect(new Set(bed.spells).size).toBe(bed.spells.length);
  });

  it("lets another have the role whose holder's work throws", async () => {
    const bed = new RoleBed();
    const broken = bed.start("a", { work: () => Promise.reject(new Error("it breaks at once")) });
    await bed.until(() => bed.spells.length > 0, "a tries");
    bed.start("b");
    await bed.until(() => bed.working.has("b"), "b works");
    broken.stop();
  });

  it("goes on when the work returns by itself", async () => {
    const bed = new RoleBed();
    bed.start("a", { work: () => Promise.resolve() });
    await bed.until(() => bed.spells.length >= 3, "three spells");
  });

  it("outlives a database that is down from the start", async () => {
    const bed = new RoleBed();
    const holder = bed.start("a");
    holder.faults.isDown = true;
    await bed.pass(20_000);
    expect(bed.spells).toEqual([]);
    holder.faults.isDown = false;
    await bed.until(() => bed.working.has("a"), "a works");
  });

  it("ends although the role can't be released: it expires", async () => {
    const bed = new RoleBed();
    const down = () => Promise.reject(new StoreUnavailableError("the database is down", { outcome: "none" }));
    const wrap = (store: Roles): Roles => overriding(store as SimulatedRegionStore, { releaseRole: down });
    const holder = bed.start("a", { wrap });
    await bed.until(() => bed.working.has("a"), "a works");
    await holder.end();
    bed.start("b");
    await bed.until(() => bed.working.has("b"), "b takes over");
  });
});

describe("a role that is refused", () => {
  const refusing = (isForGood: boolean) => (store: Roles) =>
    overriding(store, {
      acquireRole: () => Promise.reject(new RoleRefusedError("reads too little", { isForGood })),
    });

  it("is told where it is for good", async () => {
    const bed = new RoleBed();
    const one = bed.start("one", { wrap: refusing(true) });
    await bed.until(() => bed.waiting.length > 0, "it was told");
    expect(new Set(bed.waiting)).toEqual(new Set(["reads too little"]));
    await one.end();
  });

  it("is waited for in silence where a promise runs out in seconds", async () => {
    const bed = new RoleBed();
    const one = bed.start("one", { wrap: refusing(false) });
    await bed.pass(20_000);
    expect(bed.waiting).toEqual([]);
    await one.end();
  });
});

describe("describe", () => {
  it("names an error, and shows anything else as it is", () => {
    expect(describeError(new TypeError("wrong"))).toBe("TypeError: wrong");
    expect(describeError("text")).toBe("text");
    expect(describeError(undefined)).toBe("undefined");
  });
});
