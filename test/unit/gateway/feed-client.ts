/** A client of the feed in virtual time, slow now and then, which checks what every client may rely on. */
import type { FeedFrame, FeedOutlet } from "../../../services/gateway/feed/outlet.ts";
import type { GatewayService } from "../../../services/gateway/gateway-service.ts";
import type { RecordState, ServerFrame } from "../../../services/protocol/http/feed.ts";
import type { World } from "../../simulation/world.ts";
import { COLLECTION, TENANT } from "./bed.ts";

export class FeedClient {
  readonly #world: World;
  readonly #wanted: { readonly key?: string; readonly prefix?: string; readonly withPending: boolean };
  /** How many frames it takes before it rests; undefined is as many as come. */
  readonly #framesAtOnce: number | undefined;
  readonly records = new Map<string, RecordState>();
  readonly frames: ServerFrame[] = [];
  /** By key: positions of committed states, as they were told. */
  readonly told = new Map<string, number[]>();
  cursor: string | undefined;
  /** What the last connection has ended with. */
  failure: unknown;
  /** What no client may be told, and was: whoever tells it may take the error for its own. */
  readonly faults: string[] = [];
  #over = new AbortController();

  constructor(world: World, wanted: FeedClient["wanted"] & { readonly framesAtOnce?: number }) {
    const { framesAtOnce, ...rest } = wanted;
    this.#world = world;
    this.#wanted = rest;
    this.#framesAtOnce = framesAtOnce;
  }

  get wanted(): { readonly key?: string; readonly prefix?: string; readonly withPending: boolean } {
    return this.#wanted;
  }

  get isConnected(): boolean {
    return !this.#over.signal.aborted;
  }

  /** Goes on from the last cursor. */
  connect(gateway: GatewayService): void {
    this.#over.abort();
    const over = (this.#over = new AbortController());
    const request = { tenant: TENANT, collection: COLLECTION, id: "s", isPage: false, ...this.#wanted };
    const work = async () => {
      const { cursor } = this;
      const unsettled = [...this.records.values()].filter(({ pending }) => pending > 0).map(({ key }) => key);
      const subscription = await gateway.feed().open({ ...request, cursor, unsettled }, this.#outlet(over));
      await subscription.run();
    };
    work().catch((error: unknown) => {
      this.failure = error;
      over.abort();
    });
  }

  disconnect(): void {
    this.#over.abort();
  }

  #outlet(over: AbortController): FeedOutlet {
    let taken = 0;
    let isComplete = this.cursor !== undefined;
    const waiting: (() => void)[] = [];
    const isFull = () => this.#framesAtOnce !== undefined && taken >= this.#framesAtOnce;
    const wake = () => {
      taken = 0;
      for (const resolve of waiting.splice(0)) resolve();
    };
    over.signal.addEventListener("abort", wake);
    return {
      closed: over.signal,
      get isFull() {
        return isFull();
      },
      send: (frame: FeedFrame) => {
        if (over.signal.aborted) return;
        taken += 1;
        if (isFull()) this.#world.after(this.#world.random.fraction() * 200, wake);
        const told = JSON.parse(frame.text) as ServerFrame;
        if (told.type === "state" && isComplete) this.#fault("a state goes on that was complete");
        isComplete ||= told.type === "state" && told.complete === true;
        this.#take(told);
      },
      drained: () =>
        isFull() && !over.signal.aborted
          ? new Promise((resolve) => waiting.push(resolve))
          : Promise.resolve(),
    };
  }

  #take(frame: ServerFrame): void {
    this.frames.push(frame);
    if (frame.type !== "changes" && frame.type !== "state") return;
    for (const record of frame.records) this.#learn(record, frame.type === "changes");
    if (frame.cursor !== undefined) this.cursor = frame.cursor;
  }

  #learn(record: RecordState, isChange: boolean): void {
    const { key, position, pending } = record;
    this.records.set(key, record);
    if (!isChange || position === undefined || pending > 0 || this.#wanted.withPending) return;
    const before = this.told.get(key) ?? [];
    if (before.length > 0 && position.sequence <= before.at(-1)!)
      this.#fault(`${key} was told at ${before.join(", ")} and then at ${position.sequence}`);
    this.told.set(key, [...before, position.sequence]);
  }

  #fault(what: string): void {
    this.faults.push(what);
    throw new Error(what);
  }
}
