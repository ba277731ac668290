/** A digest of the records that a region has committed, read from its own database. */
import { addToDigest, digestText, EMPTY_DIGEST } from "../../services/core/digest.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";

/** Of one partition, and the log position at which it was taken. */
export async function digestOf(
  store: Pick<RegionStore, "scanRecords">,
  partition: number,
): Promise<{ readonly position: number; readonly digest: string }> {
  let digest = EMPTY_DIGEST;
  let position = 0;
  for await (const page of store.scanRecords(partition)) {
    position = page.position;
    digest = page.records.reduce(addToDigest, digest);
  }
  return { position, digest: digestText(digest) };
}
