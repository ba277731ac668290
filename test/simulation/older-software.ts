/**
 * Software of before, made of today's: whatever it can't read looks to it as entries look that come after today's, so that the
 * code which refuses those is the one that is tried. It says what it reads, and publishes nothing that it would not know.
 */
import type { OriginState } from "../../services/core/fold/state.ts";
import type { GlobalLog, LogMessage } from "../../services/ports/global-log.ts";
import type { Positions, RegionStore } from "../../services/ports/region-store.ts";
import { ENTRY_VERSION, TRACES_VERSION } from "../../services/protocol/entry-codec.ts";
import { overriding } from "./overriding.ts";

interface Ports {
  readonly store: RegionStore;
  readonly log: GlobalLog;
}

/** @param reads the highest version of entries that it reads. */
export function asOlderSoftware(ports: Ports, reads: number): Ports {
  if (reads >= ENTRY_VERSION) return ports;
  return { store: olderStore(ports.store, reads), log: olderLog(ports.log, reads) };
}

function olderStore(store: RegionStore, reads: number): RegionStore {
  const seesTraces = reads >= TRACES_VERSION;
  return overriding(store, {
    promiseReads: (options) => store.promiseReads({ ...options, reads: Math.min(reads, options.reads) }),
    neededVersions: async () =>
      (await store.neededVersions()).map((one) => ({ ...one, version: seenVersion(one.version, reads) })),
    standAside: (options) => store.standAside({ ...options, version: trueVersion(options.version, reads) }),
    readPositions: async (partition) => withReadsUpTo(await store.readPositions(partition), reads),
    append: (options) => {
      const operations = seesTraces ? options.operations : options.operations.map(withoutTrace);
      return store.append({ ...options, operations });
    },
    readWal: async (options) => {
      const rows = await store.readWal(options);
      return seesTraces ? rows : rows.map(withoutTrace);
    },
  });
}

/** To itself nobody reads more than it does: so it publishes nothing that is newer than it is. */
function withReadsUpTo(positions: Positions, reads: number): Positions {
  const origins = Object.entries(positions.origins).map(([region, origin]) => {
    const { tick } = origin;
    const seen = tick === null ? null : { ...tick, reads: Math.min(tick.reads, reads) };
    return [region, { ...origin, tick: seen }] satisfies [string, OriginState];
  });
  return { ...positions, origins: Object.fromEntries(origins) };
}

function withoutTrace<Row extends { readonly trace?: string | undefined }>({ trace: _, ...row }: Row) {
  return row;
}

function olderLog(log: GlobalLog, reads: number): GlobalLog {
  return overriding(log, {
    subscribe: async (options) => {
      const subscription = await log.subscribe(options);
      return overriding(subscription, {
        receive: async (limits) =>
          (await subscription.receive(limits)).map((message) => seenMessage(message, reads)),
      });
    },
  });
}

function seenMessage(message: LogMessage, reads: number): LogMessage {
  const version = versionIn(message.data);
  const seen = seenVersion(version, reads);
  if (seen === version) return message;
  const text = Buffer.from(message.data).toString("latin1");
  const data = Buffer.from(text.replace(`forebay/${version} `, `forebay/${seen} `), "latin1");
  return { ...message, data };
}

function seenVersion(version: number, reads: number): number {
  return version > reads ? version + ENTRY_VERSION - reads : version;
}

function trueVersion(seen: number, reads: number): number {
  return seen > ENTRY_VERSION ? seen - ENTRY_VERSION + reads : seen;
}

/** Of an entry, by its first bytes. */
export function versionIn(data: Uint8Array): number {
  const header = Buffer.from(data.buffer, data.byteOffset, Math.min(data.byteLength, 16)).toString("latin1");
  return Number(/^forebay\/(\d+) /.exec(header)![1]);
}
