/** What stands before every request: whether the region takes part, takes writes and has its state, and how long is left. */
import { own } from "../core/json.ts";
import { DEADLINE_MS_DEFAULT } from "../protocol/http/headers.ts";
import { BootstrapGate } from "./bootstrap-gate.ts";
import { DrainGate } from "./drain-gate.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { RequestContext } from "./gateway.ts";
import type { StorePatience } from "./store-patience.ts";

const NOT_MEMBER_RETRY_MS = 5_000;

export class Entrance {
  readonly drain: DrainGate;
  readonly bootstrap: BootstrapGate;
  readonly #options: GatewayOptions;
  readonly #patience: StorePatience;

  constructor(options: GatewayOptions, patience: StorePatience) {
    this.#options = options;
    this.#patience = patience;
    this.drain = new DrainGate(options, patience);
    this.bootstrap = new BootstrapGate(options, patience);
  }

  /** Learns whether the region is drained, or bootstrapping. @throws {StoreUnavailableError} */
  async look(): Promise<void> {
    await Promise.all([this.drain.look(), this.bootstrap.look()]);
  }

  /** Looks now and then, until stopped. */
  async watch(stop: AbortSignal): Promise<void> {
    await Promise.all([this.drain.watch(stop), this.bootstrap.watch(stop)]);
  }

  /**
   * Does the work, with what is left of the deadline; at once, unless it is not known whether the region takes it.
   * @throws {GatewayError} draining, bootstrapping. @throws {StoreUnavailableError} it can't be known.
   */
  admit<Request extends RequestContext, Answer>(
    request: Request,
    work: (admitted: Request) => Promise<Answer>,
  ): Promise<Answer> {
    this.#checkMember();
    this.drain.check();
    const isOpen = this.bootstrap.isOpen && this.drain.isFresh;
    return isOpen ? work(request) : this.#admitLate(request).then(work);
  }

  async #admitLate<Request extends RequestContext>(request: Request): Promise<Request> {
    const { clock } = this.#options;
    const deadlineAtMs = clock.monotonicMs() + request.deadlineMs;
    await this.bootstrap.enter(deadlineAtMs);
    if (!this.drain.isFresh) await this.drain.checkAnew(deadlineAtMs);
    return { ...request, deadlineMs: Math.max(0, deadlineAtMs - clock.monotonicMs()) };
  }

  /** For what only reads: it is left alone at the deadline, whatever it waits for. */
  async inTime<T>(
    { deadlineMs }: { deadlineMs?: number | undefined },
    reading: () => Promise<T>,
  ): Promise<T> {
    this.#checkMember();
    const deadlineAtMs = this.#options.clock.monotonicMs() + (deadlineMs ?? DEADLINE_MS_DEFAULT);
    return this.#patience.until(deadlineAtMs, this.bootstrap.read(deadlineAtMs, reading));
  }

  /** What a region shows that takes no part gets old without end. @throws {GatewayError} not-a-member. */
  #checkMember(): void {
    const { lastFigures, partitions, region } = this.#options;
    if (lastFigures === undefined) return;
    for (let partition = 0; partition < partitions; partition += 1) {
      const positions = lastFigures(partition)?.positions;
      if (positions === undefined || positions.cluster === null || own(positions.origins, region)) continue;
      throw new GatewayError("not-a-member", `region ${region} is no member of the cluster`, {
        retryAfterMs: NOT_MEMBER_RETRY_MS,
      });
    }
  }
}
