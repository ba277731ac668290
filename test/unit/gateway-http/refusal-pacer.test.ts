/** Refusals are answered at a pace: what is saved up for them has a bound, and they don't hold connections that are short. */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDoor } from "../../../services/gateway/http/door.ts";
import { RefusalPacer } from "../../../services/gateway/http/refusal-pacer.ts";
import { enter, makeAdmission } from "../gateway/admissions.ts";

const TICK_MS = 20;
const REFUSAL = { reason: "requests-in-flight", retryAfterMs: 1_000 } as const;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

class FakeResponse extends EventEmitter {
  readonly destroyed = false;
  shouldKeepAlive = true;
  isAnswered = false;
  writeHead(): void {}
  end(): void {
    this.isAnswered = true;
  }
}

function refuse(pacer: RefusalPacer, count: number): FakeResponse[] {
  return Array.from({ length: count }, () => {
    const response = new FakeResponse();
    pacer.refuse({ headers: {} } as IncomingMessage, response as unknown as ServerResponse, REFUSAL);
    return response;
  });
}

function answeredOf(responses: readonly FakeResponse[]): FakeResponse[] {
  return responses.filter(({ isAnswered }) => isAnswered);
}

describe("a process that refuses", () => {
  it("answers no more in one go after a long time without refusals", () => {
    const pacer = new RefusalPacer(() => false);
    for (let request = 0; request < 100_000; request += 1) pacer.answered();
    const refused = refuse(pacer, 1_000);
    expect(answeredOf(refused)).toEqual([]);
    vi.advanceTimersByTime(TICK_MS);
    expect(answeredOf(refused).length).toBe(128);
    vi.advanceTimersByTime(TICK_MS);
    expect(answeredOf(refused).length).toBe(130);
    pacer.close();
  });

  it("does not take probes for work that it has done", () => {
    const load = makeAdmission({ requestsMax: 5 });
    const door = openDoor({ admission: load.admission, tenantOf: () => "acme", isCrowded: () => false });
    const listener = door.guard(() => undefined);
    const ask = (method: string, url: string) => {
      const response = new FakeResponse();
      listener({ method, url, headers: {} } as IncomingMessage, response as unknown as ServerResponse);
      return response;
    };
    for (let probe = 0; probe < 1_000; probe += 1) ask("GET", "/livez").emit("close");
    enter(load, 2, "write");
    const refused = Array.from({ length: 100 }, () => ask("PATCH", "/v1/collections/c/records/a"));
    vi.advanceTimersByTime(TICK_MS);
    expect(answeredOf(refused).length).toBe(2);
    door.close();
  });

  it("holds none where connections are short, and ends theirs", () => {
    let isCrowded = false;
    const pacer = new RefusalPacer(() => isCrowded);
    const held = refuse(pacer, 600);
    isCrowded = true;
    const late = refuse(pacer, 10);
    expect(answeredOf(late).length).toBe(10);
    vi.advanceTimersByTime(3 * TICK_MS);
    expect(answeredOf(held).length).toBe(600);
    expect([...held, ...late].some(({ shouldKeepAlive }) => shouldKeepAlive)).toBe(false);
    pacer.close();
  });
});
