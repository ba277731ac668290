/** A simulated world for the client: a clock that jumps to the next timer, and regions that answer as a test says. */
import type { Platform } from "../../../services/client/platform.ts";
import { SeededRandom } from "../../simulation/random.ts";

export interface Asked {
  readonly region: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly atMs: number;
}

export interface Reply {
  readonly status?: number;
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly delayMs?: number;
}

/** `hang`: nothing ever comes back. `break`: the connection breaks. `refuse`: there is nobody. */
export type Behaviour = Reply | "hang" | "break" | "refuse";

const DAY_MS = 86_400_000;

export const REGIONS = { eu: "http://eu", us: "http://us", ap: "http://ap" } as const;

interface Timer {
  readonly atMs: number;
  readonly number: number;
  readonly call: () => void;
}

export class SimulatedWorld {
  readonly asked: Asked[] = [];
  readonly platform: Platform;
  /** What each region does; a test replaces it. */
  behave: (asked: Asked) => Behaviour;
  #nowMs = 0;
  #timers: Timer[] = [];
  #timersMade = 0;
  #names = 0;
  readonly #random: SeededRandom;

  constructor(behave: (asked: Asked) => Behaviour, seed = 1) {
    this.behave = behave;
    this.#random = new SeededRandom(seed);
    this.platform = {
      fetch: (url, init) => this.#fetch(url, init),
      webSocket: undefined,
      nowMs: () => this.#nowMs,
      after: (delayMs, call) => this.#after(delayMs, call),
      random: () => this.#random.fraction(),
      uniqueName: () => `name-${++this.#names}`,
    };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Requests that are none of the looks at regions. */
  get requests(): Asked[] {
    return this.asked.filter(({ path }) => path !== "/readyz" && !path.includes("limit=1&"));
  }

  /** Lets time pass until the promise has settled. @throws after a day: nobody waits so long. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const outcome = { isSettled: false };
    const settle = () => (outcome.isSettled = true);
    promise.then(settle, settle);
    await turn();
    while (!outcome.isSettled) {
      if (this.#nowMs > DAY_MS || this.#timers.length === 0) throw new Error("it never settles");
      await this.#step();
    }
    return promise;
  }

  async pass(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    while (this.#timers.some(({ atMs }) => atMs <= untilMs)) await this.#step();
    this.#nowMs = untilMs;
    await turn();
  }

  async #step(): Promise<void> {
    this.#timers.sort((one, other) => one.atMs - other.atMs || one.number - other.number);
    const { atMs, call } = this.#timers.shift()!;
    this.#nowMs = Math.max(this.#nowMs, atMs);
    call();
    await turn();
  }

  #after(delayMs: number, call: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, number: ++this.#timersMade, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  #fetch(url: string, init: RequestInit): Promise<Response> {
    const { hostname, pathname, search } = new URL(url);
    const asked: Asked = {
      region: hostname,
      method: init.method ?? "GET",
      path: pathname + search,
      headers: init.headers as Record<string, string>,
      body: init.body as string | undefined,
      atMs: this.#nowMs,
    };
    this.asked.push(asked);
    return this.#answer(this.behave(asked), init.signal!);
  }

  #answer(behaviour: Behaviour, signal: AbortSignal): Promise<Response> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      if (behaviour === "hang") return;
      const { delayMs = 1 } = typeof behaviour === "string" ? {} : behaviour;
      this.#after(delayMs, () => {
        if (behaviour === "refuse") return reject(failed("ECONNREFUSED"));
        if (behaviour === "break") return reject(failed("ECONNRESET"));
        resolve(responseOf(behaviour));
      });
    });
  }
}

function failed(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
}

function responseOf({ status = 200, body = {}, headers = {} }: Reply): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

/** Everything that is ready to run has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function problem(code: string, status: number, more: object = {}): Reply {
  const { headers, ...members } = more as { headers?: Record<string, string> };
  const body = { type: `urn:forebay:problem:${code}`, title: code, detail: code, status, ...members };
  return { status, body: { retry: "same", ...body }, ...(headers !== undefined && { headers }) };
}

export function accepted(region = "eu", session = "s1.~eu:0-1.signature"): Reply {
  return {
    status: 202,
    body: { operation: "0199a1b2-0000-7000-8000-000000000001", status: "accepted", region, at: "0", session },
  };
}

/** Answers looks at regions with round trips, and everything else as the test says. */
export function withLooks(
  behave: (asked: Asked) => Behaviour,
  roundTripsMs: Readonly<Record<string, number>> = { eu: 5, us: 80, ap: 200 },
): (asked: Asked) => Behaviour {
  return (asked) =>
    asked.path === "/readyz"
      ? { body: { ready: true }, delayMs: roundTripsMs[asked.region]! }
      : behave(asked);
}
