/** Sends every write, a bounded number at a time; a region's writes start in the order of the file. */
import type { Api } from "./api.ts";
import { inParallel } from "./in-parallel.ts";
import type { OrderLine } from "./lines.ts";
import type { Shop } from "./shop.ts";
import { writesOf } from "./writes.ts";

export interface Replayed {
  readonly writes: number;
  readonly seconds: number;
  readonly linesByRegion: ReadonlyMap<string, number>;
}

export async function replay(options: {
  api: Api;
  shop: Shop;
  lines: readonly OrderLine[];
  regions: readonly string[];
  run: string;
  /** Told how far the replay is, between 0 and 1. */
  onProgress: (done: number) => void;
}): Promise<Replayed> {
  const { api, shop, lines, regions, run, onProgress } = options;
  const startedAtMs = performance.now();
  const linesByRegion = new Map<string, number>(regions.map((region) => [region, 0]));
  let writes = 0;
  await inParallel(lines, async (line, index) => {
    const batch = writesOf(line, { regions, run });
    const { region } = batch[0]!;
    linesByRegion.set(region, (linesByRegion.get(region) ?? 0) + 1);
    const [isMoved] = await Promise.all([shop.serve(line), ...batch.map((write) => api.write(write))]);
    writes += batch.length + (isMoved ? 1 : 0);
    onProgress((index + 1) / lines.length);
  });
  return { writes, seconds: (performance.now() - startedAtMs) / 1_000, linesByRegion };
}
