/** Requests that nobody answers are sent again, and the first answer counts; everything else is told at once, or once it is over. */
import type { JetStreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
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
  const sending =
    <T>(answer: (attempt: number) => Promise<T>) =>
    (manager: JetStreamManager): Promise<T> => {
      asked.push(manager as unknown as number);
      return answer(asked.length - 1);
    };
  const ask = <T>(answer: (attempt: number) => Promise<T>): Promise<T> => api.ask(sending(answer));
  const change = <T>(answer: (attempt: number) => Promise<T>): Promise<T> => api.change(sending(answer));
  return { ask, change, asked };
}

const WAYS = ["ask", "change"] as const;

describe.each(WAYS)("a request to the API, by %s", (way) => {
  it("is sent again until somebody answers", async () => {
    const { [way]: ask, asked } = apiOver();
    expect(await ask((attempt) => (attempt < 2 ? timeout() : Promise.resolve("leader")))).toBe("leader");
    expect(asked).toEqual([0, 1, 2]);
  });

  it("is sent again while nobody answers, and takes the answer to an earlier one, too", async () => {
    const { [way]: ask, asked } = apiOver();
    const answers: ((answer: string) => void)[] = [];
    const asking = ask((attempt) => {
      const answer = new Promise<string>((resolve) => answers.push(resolve));
      if (attempt === 2) answers[0]!("slow server");
      return answer;
    });
    await vi.waitFor(() => expect(asked).toEqual([0, 1, 2]), 5_000);
    if (way === "change") for (const late of answers.slice(1)) late("late");
    expect(await asking).toBe("slow server");
  });

  it("is given up after the last attempt", async () => {
    const { [way]: ask, asked } = apiOver();
    await expect(ask(timeout)).rejects.toBeInstanceOf(errors.TimeoutError);
    expect(asked).toEqual([0, 1, 2]);
  });

  it("is not sent again once there is an answer that says no", async () => {
    const { [way]: ask, asked } = apiOver();
    await expect(ask(() => Promise.reject(new Error("no such stream")))).rejects.toThrow("no such stream");
    expect(asked).toEqual([0]);
  });

  it("is not sent without a connection, and not waited for once that is lost", async () => {
    const away = apiOver({ isOpen: false });
    await expect(away[way](timeout)).rejects.toBeInstanceOf(LogUnavailableError);
    expect(away.asked).toEqual([]);
    const lost = apiOver({ isLost: true });
    await expect(lost[way](() => new Promise(() => undefined))).rejects.toBeInstanceOf(InterruptedError);
    expect(lost.asked).toEqual([0]);
  });
});

describe("a change", () => {
  it.each(["done", "refused"])(
    "that is %s is told once no attempt of it is on its way any more",
    async (end) => {
      const { change } = apiOver();
      const attempts: { settle: () => void; giveUp: () => void }[] = [];
      let isTold = false;
      const told = change(
        () =>
          new Promise<string>((resolve, reject) => {
            const settle = () => (end === "done" ? resolve(end) : reject(new Error(end)));
            attempts.push({ settle, giveUp: () => reject(new errors.TimeoutError()) });
          }),
      ).then(
        (answer) => answer,
        (error: unknown) => (error as Error).message,
      );
      void told.then(() => (isTold = true));
      await vi.waitFor(() => expect(attempts).toHaveLength(2), 5_000);
      attempts[1]!.settle();
      await setImmediate();
      expect(isTold).toBe(false);
      attempts[0]!.giveUp();
      expect(await told).toBe(end);
      // Nor is another one sent.
      expect(attempts).toHaveLength(2);
    },
  );
});
