/**
 * What this process gives other regions of its state: it says how far it is, and opens snapshots of which they load pages. Few
 * at a time, and for a time, since a database can't tidy up behind an open snapshot.
 */
import { NothingToLoadError, type StateHead } from "../ports/bootstraps.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailableError, type RegionStore } from "../ports/region-store.ts";
import {
  BOOTSTRAP_SERVICE,
  BootstrapRefusedError,
  decodeBootstrapRequest,
  encodeBootstrapAnswer,
  encodeBootstrapRefusal,
  transferService,
  type BootstrapRequest,
  type BootstrapRequestOf,
} from "../protocol/bootstrap-message.ts";
import { READS_UNTOLD } from "../protocol/entry-codec.ts";
import { describeError } from "../runtime/describe-error.ts";
import { KeptOpen } from "../runtime/kept-open.ts";
import type { Logger } from "../runtime/logger.ts";
import { isRefusal, Transfer } from "./transfer.ts";

const TRANSFERS_MAX = 2;
const LOADING = "is bootstrapping itself";
/** Of a process that loads, and starts anew in between. */
const IDLE_MS_MAX = 120_000;
const LIFE_MS_MAX = 3_600_000;
const LOOK_EVERY_MS = 5_000;

export interface DonorOptions {
  readonly region: string;
  readonly software: string;
  readonly store: Pick<
    RegionStore,
    "openSnapshot" | "readPositions" | "logCreatedAtMs" | "readBootstraps" | "neededVersions"
  >;
  readonly bus: Pick<Bus, "serve">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of a page before it is deflated; default 192 KB. */
  readonly pageBytes?: number | undefined;
}

interface Served {
  readonly transfer: Transfer;
  readonly end: () => void;
}

export class Donor {
  readonly #options: DonorOptions;
  readonly #kept: KeptOpen<Served>;
  readonly #over = new AbortController();
  /** Being opened. */
  #opening = 0;

  constructor(options: DonorOptions) {
    this.#options = options;
    this.#kept = new KeptOpen({
      clock: options.clock,
      idleMsMax: IDLE_MS_MAX,
      lifeMsMax: LIFE_MS_MAX,
      lookEveryMs: LOOK_EVERY_MS,
      expired: (id, served, why) =>
        this.#end(id, served, why === "old" ? "it was open for too long" : "nobody asks for it any more"),
    });
  }

  /** Answers other regions until `close`. */
  serve(): void {
    const end = this.#options.bus.serve(BOOTSTRAP_SERVICE, (data) => this.#answer(data));
    this.#over.signal.addEventListener("abort", end, { once: true });
  }

  close(): void {
    this.#over.abort();
    for (const [transfer] of this.#kept.entries()) this.#drop(transfer, "this process stops");
  }

  async #answer(data: Uint8Array): Promise<Uint8Array> {
    try {
      const request = decodeBootstrapRequest(data);
      if (request.ask === "offer") return await this.#offer(request);
      if (request.ask === "open") return await this.#open(request);
      return encodeBootstrapRefusal("only offers are made here");
    } catch (error) {
      if (isRefusal(error) || error instanceof StoreUnavailableError || error instanceof NothingToLoadError)
        return encodeBootstrapRefusal(describeError(error));
      throw error;
    }
  }

  async #offer({ partition, reads }: BootstrapRequestOf<"offer">): Promise<Uint8Array> {
    const { store, software } = this.#options;
    const [{ position }, logCreatedAtMs, refusal] = await Promise.all([
      store.readPositions(partition),
      store.logCreatedAtMs(partition),
      this.#whyNot(partition, reads),
    ]);
    return encodeBootstrapAnswer<"offer">({
      position,
      software,
      ...(logCreatedAtMs !== undefined && { logCreatedAtMs }),
      ...(refusal !== undefined && { refusal }),
    });
  }

  async #whyNot(partition: number, reads: number | undefined): Promise<string | undefined> {
    if (this.#kept.size + this.#opening >= TRANSFERS_MAX) return `has ${TRANSFERS_MAX} transfers under way`;
    if (await this.#isLoading(partition)) return LOADING;
    return this.#whyUnreadable(partition, reads);
  }

  /** Whoever asks would load what it can't fold on from, or misread. */
  async #whyUnreadable(partition: number, reads: number | undefined): Promise<string | undefined> {
    const needed = await this.#options.store.neededVersions();
    const { version, software = this.#options.software } = needed.find(
      (one) => one.partition === partition,
    ) ?? { version: 0 };
    return whyUnreadable({ version, software }, reads);
  }

  async #isLoading(partition: number): Promise<boolean> {
    const underWay = await this.#options.store.readBootstraps();
    return underWay.some((one) => one.partition === partition && one.stage !== "ordered");
  }

  async #open({ partition, transfer: id, by, reads }: BootstrapRequestOf<"open">): Promise<Uint8Array> {
    const { store, logger } = this.#options;
    const refusal = await this.#whyNot(partition, reads);
    if (refusal !== undefined) throw new BootstrapRefusedError(refusal);
    this.#opening += 1;
    try {
      const snapshot = await store.openSnapshot({ partition, holdMsMax: LIFE_MS_MAX });
      try {
        // Behind the snapshot: what is cleared or loaded after this look is not in it.
        if (await this.#isLoading(partition)) throw new BootstrapRefusedError(LOADING);
        const head = await snapshot.readHead();
        const unreadable = whyUnreadable(head.needs, reads);
        if (unreadable !== undefined) throw new BootstrapRefusedError(unreadable);
        this.#keep(id, new Transfer({ snapshot, head, pageBytes: this.#options.pageBytes }));
        const { position } = head.state;
        logger.info(
          { partition, transfer: id, by, position, counts: head.counts },
          "a region loads this one's state",
        );
        return encodeBootstrapAnswer<"open">({ position, counts: head.counts });
      } catch (error) {
        await snapshot.close();
        throw error;
      }
    } finally {
      this.#opening -= 1;
    }
  }

  #keep(id: string, transfer: Transfer): void {
    if (this.#over.signal.aborted) throw new BootstrapRefusedError("is being stopped");
    const end = this.#options.bus.serve(transferService(id), (data) => this.#answerFor(id, data));
    this.#kept.keep(id, { transfer, end });
  }

  async #answerFor(id: string, data: Uint8Array): Promise<Uint8Array> {
    const kept = this.#kept.ask(id);
    if (kept === undefined) return encodeBootstrapRefusal("the transfer is closed");
    if (!isRelease(data)) return kept.transfer.answer(data);
    this.#drop(id, "it is done");
    return encodeBootstrapAnswer<"release">({});
  }

  #drop(id: string, why: string): void {
    const served = this.#kept.letGo(id);
    if (served !== undefined) this.#end(id, served, why);
  }

  #end(id: string, { transfer, end }: Served, why: string): void {
    end();
    void transfer.close();
    this.#options.logger.info({ transfer: id, why }, "a transfer is closed");
  }
}

function whyUnreadable(needs: StateHead["needs"], reads = READS_UNTOLD): string | undefined {
  if (needs === undefined || needs.version <= reads) return undefined;
  const { version, software } = needs;
  return `has a state of entries of version ${version}, and who asks reads up to ${reads}: run ${software} or later`;
}

function isRelease(data: Uint8Array): boolean {
  try {
    const request: BootstrapRequest = decodeBootstrapRequest(data);
    return request.ask === "release";
  } catch {
    // The transfer says what is wrong with it.
    return false;
  }
}
