/** Requests that all want to look at the store ask it once: each look for itself would keep the next ones waiting. */
import { describe, expect, it } from "vitest";
import { SharedLook } from "../../../services/gateway/shared-look.ts";
import { StorePatience } from "../../../services/gateway/store-patience.ts";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";

const YOUNG_MS = 1_500;
const AWAY = new StoreUnavailableError("away", { outcome: "none" });

function bed() {
  const asked: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const world = new World(1);
  const clock = new SimulatedClock(new Process(world, "eu"));
  const look = () => new Promise<void>((resolve, reject) => asked.push({ resolve, reject }));
  const shared = new SharedLook({ clock, youngMs: YOUNG_MS, look });
  const patience = new StorePatience(clock);
  /** How it ended, and when; undefined while it has not. */
  const asking = (deadlineMs: number) => {
    const end: { error?: unknown; atMs?: number } = {};
    const settle = (error?: unknown) => Object.assign(end, { error, atMs: world.nowMs });
    void shared.askUntil(world.nowMs + deadlineMs, patience).then(() => settle(), settle);
    return end;
  };
  const pass = (milliseconds: number) => {
    const untilMs = world.nowMs + milliseconds;
    world.after(milliseconds, () => undefined);
    return world.run(untilMs);
  };
  return { asked, shared, asking, pass };
}

it("asks once for all who come while it is under way, and again for who comes later", async () => {
  const { asked, shared } = bed();
  const all = Array.from({ length: 500 }, () => shared.ask());
  expect(asked).toHaveLength(1);
  asked[0]!.resolve();
  await Promise.all(all);
  void shared.ask();
  expect(asked).toHaveLength(2);
});

it("asks anew where the last look takes so long that it says too little", async () => {
  const { asked, shared, pass } = bed();
  const first = shared.ask();
  await pass(YOUNG_MS);
  const second = shared.ask();
  expect(asked).toHaveLength(2);
  asked[0]!.resolve();
  await first;
  // The older look, which is over now, is not what those share who come next.
  void shared.ask();
  expect(asked).toHaveLength(2);
  asked[1]!.resolve();
  await second;
});

it("tells a failure to all who shared it, and asks again for the next", async () => {
  const { asked, shared } = bed();
  const both = [shared.ask(), shared.ask()];
  asked[0]!.reject(new Error("away"));
  for (const one of both) await expect(one).rejects.toThrow("away");
  void shared.ask();
  expect(asked).toHaveLength(2);
});

describe("whoever asks until there is an answer", () => {
  it("is not kept by a look that hangs, even one that others have begun", async () => {
    const { asked, shared, asking, pass } = bed();
    void shared.ask();
    await pass(1_000);
    const end = asking(10_000);
    await pass(YOUNG_MS - 1_000);
    expect(asked).toHaveLength(2);
    asked[1]!.resolve();
    await pass(0);
    expect(end).toEqual({ error: undefined, atMs: YOUNG_MS });
  });

  it("takes a late answer, so that a slow store is slow, and not away", async () => {
    const { asked, asking, pass } = bed();
    const end = asking(10_000);
    await pass(2_000);
    asked[0]!.resolve();
    await pass(0);
    expect(end).toEqual({ error: undefined, atMs: 2_000 });
  });

  it("is told by its deadline when no look is answered", async () => {
    const { asked, asking, pass } = bed();
    const end = asking(4_000);
    await pass(4_000 + 200);
    expect(end.error).toBeInstanceOf(StoreUnavailableError);
    expect(asked).toHaveLength(3);
  });

  it("looks again after a failure, for a while", async () => {
    const { asked, asking, pass } = bed();
    const end = asking(60_000);
    asked[0]!.reject(AWAY);
    await pass(0);
    await pass(100);
    expect(asked).toHaveLength(2);
    asked[1]!.resolve();
    await pass(0);
    expect(end).toEqual({ error: undefined, atMs: 100 });
    const refused = asking(60_000);
    for (let look = 2; refused.atMs === undefined; look += 1) {
      expect(look).toBeLessThan(100);
      asked[look]!.reject(AWAY);
      await pass(0);
      await pass(100);
    }
    expect(refused.error).toBe(AWAY);
    // A second and a half for which the last answer was enough, and five more.
    expect(refused.atMs).toBeGreaterThan(6_000);
    expect(refused.atMs).toBeLessThan(7_000);
  });

  it("is told at once of what no other look would change", async () => {
    const { asked, asking, pass } = bed();
    const end = asking(10_000);
    asked[0]!.reject(new Error("a bug"));
    await pass(0);
    expect(end.error).toEqual(new Error("a bug"));
    expect(asked).toHaveLength(1);
  });
});
