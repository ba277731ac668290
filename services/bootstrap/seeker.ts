/** Finds a region to load from: the one that was loaded from, as long as it has the snapshot; then the best of all that answer. */
import { chooseDonor, type Offer } from "../core/bootstrap/donors.ts";
import type { Bootstrap } from "../ports/bootstraps.ts";
import { LogUnavailableError, type GlobalLog } from "../ports/global-log.ts";
import { BootstrapRefusedError, OtherBootstrapVersionError } from "../protocol/bootstrap-message.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import { askForOffer, Source, SourceLostError, type SourceOptions } from "./source.ts";

export interface SeekerOptions extends SourceOptions {
  readonly partition: number;
  /** All that may have the state; the region itself is not asked. */
  readonly regions: readonly string[];
  readonly log: Pick<GlobalLog, "inspect">;
  readonly logger: Logger;
}

export type Found =
  | { readonly source: Source; readonly problem?: undefined }
  | { readonly source?: undefined; readonly problem: string };

export class Seeker {
  readonly #options: SeekerOptions;
  readonly #failures = new Map<string, number>();
  readonly #lost = new Set<string>();

  constructor(options: SeekerOptions) {
    this.#options = options;
  }

  /** It has failed: others are asked first, and its snapshot is not gone on with. */
  blame({ region, snapshot }: Pick<Source, "region" | "snapshot">): void {
    this.#failures.set(region, (this.#failures.get(region) ?? 0) + 1);
    this.#lost.add(snapshot);
  }

  forgive(): void {
    this.#failures.clear();
    this.#lost.clear();
  }

  /** Never rejects. */
  async seek(bootstrap: Bootstrap): Promise<Found> {
    try {
      return { source: (await this.#attach(bootstrap)) ?? (await this.#open()) };
    } catch (error) {
      if (error instanceof SourceLostError || error instanceof LogUnavailableError)
        return { problem: describeError(error) };
      throw error;
    }
  }

  async #attach({ stage, source }: Bootstrap): Promise<Source | undefined> {
    const isBegun = stage === "clearing" || stage === "loading";
    if (!isBegun || source === undefined || this.#lost.has(source.snapshot)) return undefined;
    const { partition, logger } = this.#options;
    try {
      const named = { region: source.name, snapshot: source.snapshot, partition };
      return await Source.attach(named, this.#options);
    } catch (error) {
      if (!(error instanceof SourceLostError)) throw error;
      logger.warn({ partition, source, error: error.message }, "the source of a bootstrap has gone");
      this.blame({ region: source.name, snapshot: source.snapshot });
      return undefined;
    }
  }

  async #open(): Promise<Source> {
    const { log, partition, region: own, regions } = this.#options;
    const asked = regions.filter((region) => region !== own).map((region) => this.#askForOffer(region));
    const [inspection, offers] = await Promise.all([log.inspect(partition), Promise.all(asked)]);
    const said = offers.filter((offer) => offer !== undefined);
    const { donor, reason } = chooseDonor(said, { log: inspection, failures: this.#failures });
    if (donor === undefined) throw new SourceLostError(reason);
    try {
      const source = await Source.open(donor.region, partition, this.#options);
      if (source.head.logCreatedAtMs === inspection.createdAtMs) return source;
      await source.release();
      throw new SourceLostError(`${donor.region} has folded another log`);
    } catch (error) {
      this.#failures.set(donor.region, (this.#failures.get(donor.region) ?? 0) + 1);
      throw error;
    }
  }

  /** Undefined where it does not answer. */
  async #askForOffer(region: string): Promise<Offer | undefined> {
    const { partition, logger } = this.#options;
    try {
      const { position, logCreatedAtMs, refusal } = await askForOffer(region, partition, this.#options);
      return { region, position, logCreatedAtMs, refusal };
    } catch (error) {
      logger.debug({ partition, region, error: describeError(error) }, "no offer of a state");
      if (!(error instanceof BootstrapRefusedError || error instanceof OtherBootstrapVersionError))
        return undefined;
      return { region, position: 0, logCreatedAtMs: undefined, refusal: error.message };
    }
  }
}
