/** Clients of a bed of real regions, with the region that is nearest to them named by the test. */
import {
  createClient,
  defineCollection,
  counter,
  lww,
  type ClientOptions,
  type ForebayClient,
} from "../../../services/client/index.ts";
import type { Bed } from "../cluster/bed.ts";

export const posts = defineCollection("posts", { likes: counter(), last: lww.integer() });

const FAR_MS = 60;

/** @param home every other region looks farther away than it. */
export function clientAt(bed: Bed, home: string, options: Partial<ClientOptions> = {}): ForebayClient {
  const regions = Object.fromEntries(bed.cluster.regions.map(({ name, url }) => [name, url]));
  const { url } = bed.cluster.region(home);
  const { key } = bed.cluster;
  const farther = async (target: string, init: RequestInit) => {
    const isFar = target.endsWith("/readyz") && !target.startsWith(url);
    if (isFar) await new Promise((resolve) => setTimeout(resolve, FAR_MS));
    return fetch(target, init);
  };
  return createClient({
    regions,
    ...(key !== undefined && { key }),
    ...options,
    platform: { fetch: farther, ...options.platform },
  });
}
