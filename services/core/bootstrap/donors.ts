/** From which region to load a partition's state. */

/** What a region says of itself when it is asked. */
export interface Offer {
  readonly region: string;
  /** What it has folded. */
  readonly position: number;
  /** Of the log that it folds; undefined where it has folded nothing. */
  readonly logCreatedAtMs: number | undefined;
  /** Why it can't give its state away at the moment. */
  readonly refusal: string | undefined;
}

export interface LogAtHand {
  readonly createdAtMs: number;
  readonly firstPosition: number;
}

export type DonorChoice =
  | { readonly donor: Offer; readonly reason?: undefined }
  | { readonly donor?: undefined; readonly reason: string };

/**
 * The furthest of those that can be folded on from with the log at hand. One that failed before comes after those that have
 * failed less often.
 * @param failures by region.
 */
export function chooseDonor(
  offers: readonly Offer[],
  options: { readonly log: LogAtHand; readonly failures: ReadonlyMap<string, number> },
): DonorChoice {
  const { log, failures } = options;
  const failed = ({ region }: Offer) => failures.get(region) ?? 0;
  const fit = offers.filter((offer) => whyUnfit(offer, log) === undefined);
  const [donor] = fit.toSorted(
    (one, other) =>
      failed(one) - failed(other) || other.position - one.position || (one.region < other.region ? -1 : 1),
  );
  if (donor !== undefined) return { donor };
  if (offers.length === 0) return { reason: "no other region answers" };
  return { reason: offers.map((offer) => `${offer.region} ${whyUnfit(offer, log)}`).join("; ") };
}

function whyUnfit(offer: Offer, { createdAtMs, firstPosition }: LogAtHand): string | undefined {
  if (offer.refusal !== undefined) return offer.refusal;
  if (offer.logCreatedAtMs !== createdAtMs)
    return `has folded another log, made at ${offer.logCreatedAtMs ?? "no time"}, and not at ${createdAtMs}`;
  if (offer.position < firstPosition - 1)
    return `has folded up to ${offer.position}, and the log begins at ${firstPosition}`;
  return undefined;
}
