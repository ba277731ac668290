/** Requests that nobody answers are sent again, and the first answer counts; everything else is told at once. */
import type { JetStreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { JetStreamApi } from "../../../../services/adapters/jetstream/api.ts";
import { InterruptedError } from "../../../../services/adapters/nats/errors.ts";
import { LogUnavailableError } from "../../../../services/ports/global-log.ts";

/** Managers by number: which of them was asked is all that these tests look at. */
const MANAGERS = [0, 1, 2] as unknown as JetStreamManager[];
const timeout = () => Promise.reject(new errors.TimeoutError());

function apiOver(connection: { isOpen?: boolean; isLost?: boolean } = {}) {
  const asked: number[] = [];
  const { isOpen = true, isLost = false } = connection;
  const untilInterrupted = <T>(answer: Promise<T>): Promise<T> => {
    answer.catch(() => undefined);
    return isLost ? Promise.reject(new InterruptedError("lost")) : answer;
  };
  const api = new JetStreamApi({ isOpen, untilInterrupted }, MANAGERS);
  const ask = <T>(answer: (attempt: number) => Promise<T>): Promise<T> =>
    api.ask((manager) => {
      asked.push(manager as unknown as number);
      return answer(asked.length - 1);
    });
  return { ask, asked };
}

describe("a request to the API", () => {
  it("is sent again until somebody answers", async () => {
    const { ask, asked } = apiOver();
    expect(await ask((attempt) => (attempt < 2 ? timeout() : Promise.resolve("leader")))).toBe("leader");
    expect(asked).toEqual([0, 1, 2]);
  });

  it("is sent again while nobody answers, and takes the answer to an earlier one, too", async () => {
    const { ask, asked } = apiOver();
    let answerFirst: (answer: string) => void = () => undefined;
    const asking = ask((attempt) => {
      if (attempt === 2) answerFirst("slow server");
      return new Promise<string>((resolve) => {
        if (attempt === 0) answerFirst = resolve;
      });
    });
    expect(await asking).toBe("slow server");
    expect(asked).toEqual([0, 1, 2]);
  });

  it("is given up after the last attempt", async () => {
    const { ask, asked } = apiOver();
    await expect(ask(timeout)).rejects.toBeInstanceOf(errors.TimeoutError);
    expect(asked).toEqual([0, 1, 2]);
  });

  it("is not sent again once there is an answer that says no", async () => {
    const { ask, asked } = apiOver();
    await expect(ask(() => Promise.reject(new Error("no such stream")))).rejects.toThrow("no such stream");
    expect(asked).toEqual([0]);
  });

  it("is not sent without a connection, and not waited for once that is lost", async () => {
    const away = apiOver({ isOpen: false });
    await expect(away.ask(timeout)).rejects.toBeInstanceOf(LogUnavailableError);
    expect(away.asked).toEqual([]);
    const lost = apiOver({ isLost: true });
    await expect(lost.ask(() => new Promise(() => undefined))).rejects.toBeInstanceOf(InterruptedError);
    expect(lost.asked).toEqual([0]);
  });
});
