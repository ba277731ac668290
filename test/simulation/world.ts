/**
 * Virtual time. Events run one by one in the order of their time; between two events all promises that can settle do.
 * Nothing else drives the code under test, so a seed replays a run exactly.
 */
import { sha256 } from "../../services/core/hash.ts";
import type { Clock } from "../../services/ports/clock.ts";
import { SeededRandom } from "./random.ts";

interface Event {
  readonly atMs: number;
  readonly rank: number;
  readonly run: () => void;
}

export class World {
  readonly random: SeededRandom;
  #nowMs = 0;
  #rank = 0;
  #trace = "";
  readonly #events: Event[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** When the next event is due; undefined when nothing will ever happen by itself. */
  get nextAtMs(): number | undefined {
    return this.#events[0]?.atMs;
  }

  /** Adds to the run's fingerprint: two runs with one fingerprint did the same. */
  trace(line: string): void {
    this.#trace = sha256(`${this.#trace}\n${this.#nowMs} ${line}`);
  }

  get fingerprint(): string {
    return this.#trace;
  }

  /** Runs `run` after `delayMs` of virtual time; returns how to call it off. */
  after(delayMs: number, run: () => void): () => void {
    const event: Event = { atMs: this.#nowMs + Math.max(0, delayMs), rank: this.#rank++, run };
    push(this.#events, event);
    return () => cancel(event);
  }

  /** Runs events until virtual time reaches `untilMs`. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.atMs > untilMs) break;
      pop(this.#events);
      this.#nowMs = next.atMs;
      next.run();
      await settled();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Runs until the condition holds. @throws when it does not within `limitMs` of virtual time. */
  async runUntil(isDone: () => boolean, options: { limitMs: number; what: string }): Promise<void> {
    const untilMs = this.#nowMs + options.limitMs;
    while (!isDone()) {
      if (this.#nowMs >= untilMs)
        throw new Error(`not within ${options.limitMs} ms of virtual time: ${options.what}`);
      await this.run(Math.min(this.#nowMs + 50, untilMs));
    }
  }
}

/** Lets every promise settle that can: a macrotask comes after all of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const CANCELLED = () => undefined;

function cancel(event: Event): void {
  (event as { run: () => void }).run = CANCELLED;
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.rank < other.rank);
}

function push(heap: Event[], event: Event): void {
  heap.push(event);
  let index = heap.length - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBefore(heap[index]!, heap[parent]!)) return;
    [heap[index], heap[parent]] = [heap[parent]!, heap[index]!];
    index = parent;
  }
}

function pop(heap: Event[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  heap[0] = last;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    if (left >= heap.length) return;
    const right = left + 1;
    const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left;
    if (!isBefore(heap[child]!, heap[index]!)) return;
    [heap[index], heap[child]] = [heap[child]!, heap[index]!];
    index = child;
  }
}

/** A process: when it dies, nothing that it waits for ever comes. */
export class Process {
  readonly world: World;
  readonly name: string;
  isAlive = true;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  kill(): void {
    this.isAlive = false;
  }

  /** Passes virtual time in the life of this process; never resolves once it is dead. */
  pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (!this.isAlive) return;
      this.world.after(delayMs, () => {
        if (this.isAlive) resolve();
      });
    });
  }
}

/** 2026-01-01, so that stamps look as they do in production. */
const EPOCH_MS = 1_767_225_600_000;

/** The clock of one machine: may be off, and may jump. Durations are always right. */
export class SimulatedClock implements Clock {
  readonly #process: Process;
  readonly #machine: { offsetMs: number };

  constructor(process: Process, machine: { offsetMs: number } = { offsetMs: 0 }) {
    this.#process = process;
    this.#machine = machine;
  }

  nowMs(): number {
    return EPOCH_MS + Math.floor(this.#process.world.nowMs + this.#machine.offsetMs);
  }

  monotonicMs(): number {
    return this.#process.world.nowMs;
  }

  turn(): Promise<void> {
    return this.#process.pass(0);
  }

  after(delayMs: number, call: () => void): () => void {
    return this.#process.world.after(delayMs, () => {
      if (this.#process.isAlive) call();
    });
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#process.isAlive) return;
      if (signal?.aborted === true) return resolve();
      const finish = () => {
        signal?.removeEventListener("abort", abort);
        if (this.#process.isAlive) resolve();
      };
      const callOff = this.#process.world.after(delayMs, finish);
      const abort = () => {
        callOff();
        finish();
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

export function wallClockMs(world: World): number {
  return EPOCH_MS + Math.floor(world.nowMs);
}
