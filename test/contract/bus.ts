/** What every bus has to keep to: declared once, run against each implementation. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  BusOutcomeUnknownError,
  BusUnavailableError,
  HANDLED_MAX,
  PAYLOAD_BYTES_MAX,
  type Bus,
  type BusHandler,
} from "../../services/ports/bus.ts";

/** Calm regions: nothing fails between them, and time passes by itself. */
export interface BusBed {
  /** At least two. */
  readonly regions: readonly string[];
  /** The bus of a region's first process; connected. */
  bus(region: string): Bus;
  /** One more process of a region, with a bus that is not connected yet. */
  startProcess(region: string): { readonly bus: Bus; readonly connect: () => Promise<void> };
  /** Lets time pass. */
  pause(durationMs: number): Promise<void>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const SHORT_MS = 200;
const PAUSE_MS = 20;
const TRIES_MAX = 200;
const PROBE = "is anybody there?";

export function busContract(name: string, open: () => Promise<BusBed>): void {
  describe(`bus: ${name}`, () => {
    let bed: BusBed;
    let here: string;
    let there: string;
    /** Each test's own. */
    let service: string;
    let services = 0;

    beforeAll(async () => {
      bed = await open();
      [here, there] = [bed.regions[0]!, bed.regions[1]!];
    }, 60_000);
    beforeEach(() => {
      service = `service-${(services += 1)}`;
    });
    afterAll(async () => {
      await bed.close();
    }, 30_000);

    const ask = (data: Uint8Array, options: { from?: string; to?: string; timeoutMs?: number } = {}) => {
      const { from = here, to = there, timeoutMs = TIMEOUT_MS } = options;
      return bed.bus(from).request({ region: to, service, data, timeoutMs });
    };
    const askText = async (text: string, options: Parameters<typeof ask>[1] = {}) =>
      Buffer.from(await ask(Buffer.from(text), options)).toString();
    /** Word of what is served takes a moment to get around: until then requests are refused, or go astray. */
    const eventually = async <T>(attempt: () => Promise<T>): Promise<T> => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await attempt();
        } catch (error) {
          const isExpected = error instanceof BusUnavailableError || error instanceof BusOutcomeUnknownError;
          if (!isExpected || tries === TRIES_MAX) throw error;
          await bed.pause(PAUSE_MS);
        }
      }
    };
    const untilServed = (pair: { from?: string; to?: string } = {}) =>
      eventually(() => askText(PROBE, { ...pair, timeoutMs: SHORT_MS }));
    /** As does word of its end. */
    const untilUnavailable = async (request: () => Promise<unknown>) => {
      for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
        const outcome: unknown = await request().catch((error: unknown) => error);
        if (outcome instanceof BusUnavailableError) return;
        if (!(outcome instanceof BusOutcomeUnknownError)) throw new Error(`not ended: ${String(outcome)}`);
      }
      throw new Error("it never was unavailable");
    };
    /** Serves in the other region, and resolves once this one knows of it. */
    const serve = async (handler: BusHandler) => {
      const end = bed.bus(there).serve(service, answeringProbes(handler));
      await untilServed();
      return end;
    };

    it("brings each region's answer to the region that has asked", async () => {
      const pairs = bed.regions.flatMap((from) => bed.regions.map((to) => ({ from, to })));
      for (const region of bed.regions)
        bed.bus(region).serve(service, answeringProbes(textHandler((text) => `${text} by ${region}`)));
      for (const pair of pairs) await untilServed(pair);
      const answers = await Promise.all(pairs.map((pair) => askText(`from ${pair.from}`, pair)));
      expect(answers).toEqual(pairs.map(({ from, to }) => `from ${from} by ${to}`));
    });

    it("keeps many requests at once apart", async () => {
      await serve(textHandler((text) => `answer ${text}`));
      const texts = Array.from({ length: HANDLED_MAX }, (_, index) => `${index}`);
      expect(await Promise.all(texts.map((text) => askText(text)))).toEqual(
        texts.map((text) => `answer ${text}`),
      );
    });

    it("is unavailable where nobody serves", async () => {
      await expect(ask(Buffer.from("a"))).rejects.toBeInstanceOf(BusUnavailableError);
    });

    it("is unavailable where something else is served, or elsewhere", async () => {
      bed.bus(there).serve(`${service}-other`, echo);
      bed.bus(here).serve(service, answeringProbes(echo));
      await untilServed({ to: here });
      await expect(ask(Buffer.from("a"))).rejects.toBeInstanceOf(BusUnavailableError);
    });

    it("leaves the outcome unknown when the handler throws, and goes on", async () => {
      await serve(textHandler((text) => {
        if (text === "throw") throw new Error("as it was asked to");
        return text;
      })); // prettier-ignore
      await expect(ask(Buffer.from("throw"))).rejects.toBeInstanceOf(BusOutcomeUnknownError);
      expect(await askText("a")).toBe("a");
    });

    it("leaves the outcome unknown when the handler throws before it has begun to wait", async () => {
      await serve(() => {
        throw new Error("at once");
      });
      await expect(ask(Buffer.from("a"))).rejects.toBeInstanceOf(BusOutcomeUnknownError);
    });

    it("leaves the outcome unknown when the answer does not come in time", async () => {
      const gate = new Gate();
      await serve(async (data) => {
        await gate.opened;
        return data;
      });
      await expect(ask(Buffer.from("a"), { timeoutMs: SHORT_MS })).rejects.toBeInstanceOf(
        BusOutcomeUnknownError,
      );
      gate.open();
      expect(await askText("b")).toBe("b");
    });

    it("ends what is served, and still answers the requests at hand", async () => {
      const [begun, gate] = [new Gate(), new Gate()];
      const handled: string[] = [];
      const end = await serve(async (data) => {
        handled.push(Buffer.from(data).toString());
        begun.open();
        await gate.opened;
        return data;
      });
      const asked = askText("at hand");
      await begun.opened;
      end();
      end();
      gate.open();
      expect(await asked).toBe("at hand");
      await untilUnavailable(() => ask(Buffer.from("late"), { timeoutMs: SHORT_MS }));
      expect(handled).toEqual(["at hand"]);
    });

    it("handles nothing once it is ended, not even what is on its way", async () => {
      const handled: string[] = [];
      const end = await serve(textHandler((text) => {
        handled.push(text);
        return text;
      })); // prettier-ignore
      const asking = [here, there].map((from) => ask(Buffer.from(from), { from, timeoutMs: SHORT_MS }));
      end();
      const outcomes = await Promise.all(asking.map((asked) => asked.catch((error: unknown) => error)));
      for (const outcome of outcomes)
        expect(["BusUnavailableError", "BusOutcomeUnknownError"]).toContain((outcome as Error).name);
      expect(handled).toEqual([]);
    });

    it("leaves what one process ends to the others of its region", async () => {
      const other = bed.startProcess(there);
      await other.connect();
      other.bus.serve(service, textHandler((text) => `${text} by the other`)); // prettier-ignore
      const end = await serve(textHandler((text) => `${text} by the first`));
      end();
      const texts = Array.from({ length: 20 }, (_, index) => `${index}`);
      const answers = await eventually(() => Promise.all(texts.map((text) => askText(text))));
      expect(answers).toEqual(texts.map((text) => `${text} by the other`));
    });

    it("can be served again after its end", async () => {
      const end = await serve(echo);
      end();
      await serve(textHandler((text) => `${text} again`));
      // Until the server has heard of its end the first may still be chosen, and refuses.
      expect(await eventually(() => askText("a"))).toBe("a again");
    });

    it("lets one of several processes of a region handle each request", async () => {
      const handled: { readonly by: number; readonly text: string }[] = [];
      const handlerOf = (by: number) =>
        textHandler((text) => {
          handled.push({ by, text });
          return text;
        });
      const other = bed.startProcess(there);
      await other.connect();
      other.bus.serve(service, answeringProbes(handlerOf(2)));
      await serve(handlerOf(1));
      const sent: string[] = [];
      while (new Set(handled.map(({ by }) => by)).size < 2 && sent.length < 1_000) {
        const texts = Array.from({ length: 10 }, (_, index) => `${sent.length + index}`);
        sent.push(...texts);
        await Promise.all(texts.map((text) => askText(text)));
      }
      expect(new Set(handled.map(({ by }) => by))).toEqual(new Set([1, 2]));
      expect(handled.map(({ text }) => text).toSorted()).toEqual(sent.toSorted());
    });

    it("refuses what exceeds the requests that are handled at once, and then takes more", async () => {
      const gate = new Gate();
      const handled: string[] = [];
      await serve(async (data) => {
        handled.push(Buffer.from(data).toString());
        await gate.opened;
        return data;
      });
      const excess = 5;
      const refused: string[] = [];
      const answered: string[] = [];
      const asking = Array.from({ length: HANDLED_MAX + excess }, async (_, index) => {
        try {
          answered.push(await askText(`${index}`));
        } catch (error) {
          if (!(error instanceof BusUnavailableError)) throw error;
          refused.push(`${index}`);
          if (refused.length === excess) gate.open();
        }
      });
      await Promise.all(asking);
      expect(refused).toHaveLength(excess);
      expect(handled.toSorted()).toEqual(answered.toSorted());
      expect(await askText("more")).toBe("more");
    });

    it("serves, once it is connected, what was served before; until then it can't ask", async () => {
      const late = bed.startProcess(there);
      late.bus.serve(service, answeringProbes(echo));
      const end = late.bus.serve(`${service}-ended`, echo);
      end();
      const request = { region: here, service, data: Buffer.from("a"), timeoutMs: TIMEOUT_MS };
      await expect(late.bus.request(request)).rejects.toBeInstanceOf(BusUnavailableError);
      await expect(ask(Buffer.from("a"))).rejects.toBeInstanceOf(BusUnavailableError);
      await late.connect();
      await untilServed();
      expect(await askText("a")).toBe("a");
      const ended = { ...request, region: there, service: `${service}-ended` };
      await expect(bed.bus(here).request(ended)).rejects.toBeInstanceOf(BusUnavailableError);
    });

    it("carries any bytes unchanged, and none", async () => {
      await serve(echo);
      const bytes = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
      for (const data of [bytes, Buffer.from("\r\nMSG a 1 2\r\n\0"), new Uint8Array(0)])
        expect(Buffer.from(await ask(data)).equals(data)).toBe(true);
    });

    it("carries the largest request and answer, and refuses larger ones", async () => {
      const handled: number[] = [];
      await serve((data) => {
        handled.push(data.byteLength);
        return Promise.resolve(data);
      });
      const largest = Buffer.alloc(PAYLOAD_BYTES_MAX, "large ");
      expect(largest.equals(await ask(largest))).toBe(true);
      await expect(ask(Buffer.alloc(PAYLOAD_BYTES_MAX + 1))).rejects.toBeInstanceOf(BusUnavailableError);
      expect(handled).toEqual([PAYLOAD_BYTES_MAX]);
    });

    it("leaves the outcome unknown when the answer is too large", async () => {
      await serve(() => Promise.resolve(Buffer.alloc(PAYLOAD_BYTES_MAX + 1)));
      await expect(ask(Buffer.from("a"))).rejects.toBeInstanceOf(BusOutcomeUnknownError);
    });
  });
}

/** Opens once. */
class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

const echo: BusHandler = (data) => Promise.resolve(data);

function textHandler(answer: (text: string) => string): BusHandler {
  return async (data) => Buffer.from(answer(Buffer.from(data).toString()));
}

/** Probes are no part of a test: its handler does not get to see them. */
function answeringProbes(handler: BusHandler): BusHandler {
  return (data) => (Buffer.from(data).toString() === PROBE ? Promise.resolve(data) : handler(data));
}
