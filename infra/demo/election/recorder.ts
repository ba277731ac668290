/** Makes the recording of a run: figures of every second from the load's records, and what the events cost by region. */
import { secondBySecond, unavailableMs } from "../../load/figures.ts";
import type { StreamRecord } from "../../load/record.ts";
import type { PlayedEvent } from "./director.ts";
import type { Away, BufferSample, Recording, WriteClass } from "./recording.ts";

export interface Recorded {
  readonly seconds: number;
  readonly regions: readonly string[];
  readonly records: readonly StreamRecord[];
  readonly events: readonly PlayedEvent[];
  readonly bufferOf: (region: string) => readonly BufferSample[];
}

export function makeRecording({ seconds, regions, records, events, bufferOf }: Recorded): Recording {
  const recordsOf = (region: string, writeClass: WriteClass) =>
    records.filter((record) => record.region === region && record.class === writeClass);
  return {
    seconds,
    regions: regions.map((region) => ({
      region,
      writes: {
        local: secondBySecond(recordsOf(region, "local")),
        authoritative: secondBySecond(recordsOf(region, "authoritative")),
      },
      buffer: bufferOf(region).filter(({ atSeconds }) => atSeconds >= 0 && atSeconds <= seconds),
    })),
    events: events.map((event, index) => {
      const untilSeconds = events[index + 1]?.fromSeconds ?? seconds;
      const away = regions.map((region) =>
        awayIn(region, recordsOf(region, "authoritative"), { event, untilSeconds }),
      );
      return { ...event, away };
    }),
  };
}

/** Each loss of the leader counts until a write that was due after it was committed; the next loss ends the wait. */
function awayIn(
  region: string,
  records: readonly StreamRecord[],
  { event, untilSeconds }: { event: PlayedEvent; untilSeconds: number },
): Away {
  let totalMs = 0;
  const faults = event.faultsAtSeconds;
  for (const [index, atSeconds] of faults.entries()) {
    const faultAtMs = atSeconds * 1_000;
    const untilMs = (faults[index + 1] ?? untilSeconds) * 1_000;
    const waits = records.flatMap((record) => unavailableMs(record, { faultAtMs, untilMs }) ?? []);
    if (waits.length === 0) return { region, seconds: undefined };
    totalMs += Math.min(...waits);
  }
  return { region, seconds: totalMs / 1_000 };
}
