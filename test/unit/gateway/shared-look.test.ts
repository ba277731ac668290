/** Requests that all want to look at the store ask it once: each look for itself would keep the next ones waiting. */
import { expect, it } from "vitest";
import { SharedLook } from "../../../services/gateway/shared-look.ts";
import type { Clock } from "../../../services/ports/clock.ts";

function bed() {
  let nowMs = 0;
  const asked: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const clock = { monotonicMs: () => nowMs } as Clock;
  const look = () => new Promise<void>((resolve, reject) => asked.push({ resolve, reject }));
  const shared = new SharedLook({ clock, youngMs: 1_500, look });
  return { asked, shared, pass: (ms: number) => (nowMs += ms) };
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
  pass(1_500);
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
