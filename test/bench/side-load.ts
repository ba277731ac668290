/** A modest stream of requests at a pace, whatever becomes of them: what clients meet while something else goes on. */
import { Agent, request } from "node:http";

const TIMEOUT_MS = 15_000;
const MS_PER_SECOND = 1_000;

export interface SideLoadOptions {
  readonly url: string;
  readonly perSecond: number;
  readonly method: string;
  readonly path: (number: number) => string;
  readonly body: string;
}

export class SideLoad {
  readonly #options: SideLoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #latenciesMs: number[] = [];
  /** By status; 0 is no answer. */
  readonly #statuses = new Map<number, number>();
  readonly #open = new Set<Promise<void>>();
  #number = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SideLoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      const sending = this.#send(this.#number++).finally(() => this.#open.delete(sending));
      this.#open.add(sending);
    }, MS_PER_SECOND / this.#options.perSecond);
  }

  /** Sends nothing more, and waits for the answers that are due. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
  }

  get latenciesMs(): readonly number[] {
    return this.#latenciesMs;
  }

  get statuses(): ReadonlyMap<number, number> {
    return this.#statuses;
  }

  async #send(number: number): Promise<void> {
    const startedAtMs = performance.now();
    const status = await this.#answer(number);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    // Refusals are quick: in one heap with the answers they would make them look quick too.
    if (status >= 200 && status < 300) this.#latenciesMs.push(performance.now() - startedAtMs);
  }

  #answer(number: number): Promise<number> {
    const { url, method, path, body } = this.#options;
    return new Promise((resolve) => {
      const sent = request(
        `${url}${path(number)}`,
        {
          method,
          agent: this.#agent,
          timeout: TIMEOUT_MS,
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        },
        (response) => {
          response.on("end", () => resolve(response.statusCode ?? 0));
          response.on("error", () => resolve(0));
          response.resume();
        },
      );
      sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
      sent.on("error", () => resolve(0));
      sent.end(body);
    });
  }
}
