/** What a pipe holds for how long, on a clock of its own, while its link changes. */
import { PassThrough } from "node:stream";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DelayedPipe } from "../../../infra/local/delayed-pipe.ts";
import {
  conditionWith,
  NO_FAULT,
  NO_LATENCY,
  type LinkFault,
} from "../../../infra/local/faults/link-fault.ts";

let condition = conditionWith(NO_LATENCY, NO_FAULT);
let to: PassThrough;
let pipe: DelayedPipe;

beforeEach(() => {
  vi.useFakeTimers();
  become({});
  to = new PassThrough();
  pipe = new DelayedPipe({
    from: new PassThrough() as unknown as Socket,
    to: to as unknown as Socket,
    condition: () => condition,
    nowMs: () => Date.now(),
    random: () => 0,
  });
});

afterEach(() => {
  pipe.close();
  vi.useRealTimers();
});

function become(fault: Partial<LinkFault>): void {
  condition = conditionWith(NO_LATENCY, { ...NO_FAULT, ...fault });
}

function arrived(): string {
  return (to.read() as Buffer | null)?.toString() ?? "";
}

test("what is on its way over a slow link arrives once that is healed, and what comes after it is not late", () => {
  become({ latencyMs: 60_000 });
  pipe.take(Buffer.from("one "));
  pipe.take(Buffer.from("two "));
  become({});
  pipe.adapt();
  expect(arrived()).toBe("one two ");
  pipe.take(Buffer.from("three"));
  expect(arrived()).toBe("three");
});

test("a link that becomes less slow delays what it holds by no more than its new delay, in order", () => {
  become({ latencyMs: 60_000 });
  pipe.take(Buffer.from("one "));
  become({ latencyMs: 100 });
  pipe.adapt();
  pipe.take(Buffer.from("two"));
  vi.advanceTimersByTime(99);
  expect(arrived()).toBe("");
  vi.advanceTimersByTime(1);
  expect(arrived()).toBe("one two");
});

test("a link that becomes slower lets what is on its way arrive at its time", () => {
  become({ latencyMs: 100 });
  pipe.take(Buffer.from("one"));
  become({ latencyMs: 60_000 });
  pipe.adapt();
  vi.advanceTimersByTime(100);
  expect(arrived()).toBe("one");
});
