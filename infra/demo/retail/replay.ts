/** Sends every write, a bounded number at a time; a region's writes start in the order of the file. */
import type { Api } from "./api.ts";
import type { OrderLine } from "./lines.ts";
import { writesOf } from "./writes.ts";

const CONCURRENCY = 64;

export interface Replayed {
  readonly writes: number;
  readonly seconds: number;
  readonly linesByRegion: ReadonlyMap<string, number>;
}

export async function replay(options: {
  api: Api;
  lines: readonly OrderLine[];
  regions: readonly string[];
  run: string;
  /** Told how far the replay is, between 0 and 1. */
  onProgress: (done: number) => void;
}): Promise<Replayed> {
  const { api, lines, regions, run, onProgress } = options;
  const startedAtMs = performance.now();
  const linesByRegion = new Map<string, number>(regions.map((region) => [region, 0]));
  let next = 0;
  let writes = 0;
  const worker = async () => {
    while (next < lines.length) {
      const line = lines[next++]!;
      const batch = writesOf(line, { regions, run });
      const { region } = batch[0]!;
      linesByRegion.set(region, (linesByRegion.get(region) ?? 0) + 1);
      await Promise.all(batch.map((write) => api.write(write)));
      writes += batch.length;
      onProgress(next / lines.length);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return { writes, seconds: (performance.now() - startedAtMs) / 1_000, linesByRegion };
}
