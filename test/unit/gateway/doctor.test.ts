/** The doctor looks at everything, whatever of it fails or hangs. */
import { describe, expect, it } from "vitest";
import { Doctor, type DoctorOptions } from "../../../services/gateway/doctor/doctor.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { Clock } from "../../../services/ports/clock.ts";
import { ENTRY_VERSION } from "../../../services/protocol/entry-codec.ts";

const NAMES = [
  "node-version", "configuration", "database-version", "database-durability", "database-role", "database-connections",
  "database-size", "schema-migrations", "clock-database", "log-server-version", "log-streams", "log-replicas", "log-store",
  "trim-permission", "clock-log-time", "wal", "trimming", "entry-versions", "verification",
]; // prettier-ignore

const NOW_MS = 1_000_000;

/** A clock on which everything that is waited for is over at once, once `hurry` is set. */
function clock(hurry: boolean): Clock {
  return {
    nowMs: () => NOW_MS,
    monotonicMs: () => NOW_MS,
    turn: () => Promise.resolve(),
    after: (_delayMs, call) => (hurry && queueMicrotask(call), () => undefined),
    sleep: () => (hurry ? Promise.resolve() : new Promise(() => undefined)),
  };
}

const HANGS = () => new Promise<never>(() => undefined);

function doctor(more: Partial<DoctorOptions> = {}, hurry = false): Doctor {
  const tick = { reads: ENTRY_VERSION };
  const trim = { needsBootstrap: false, away: [], pinnedBy: { region: "ap", sinceMs: 0 } };
  const options = {
    region: "eu",
    regions: 3,
    partitions: 1,
    software: "1",
    nodeVersion: "24.1.0",
    configuration: {
      logLevel: "info", crashAt: undefined, hasMonitor: true, walRetentionMs: 1, walAgeMsMax: 86_400_000, verifyEveryMs: 3_600_000,
    }, // prettier-ignore
    postgresConnectionsMax: 16,
    isLogTrimmed: false,
    surroundings: {
      database: async () => ({
        version: "18.4", nowMs: NOW_MS + 40, isReadOnly: false, isSuperuser: false, mayCreate: true, fsync: true,
        fullPageWrites: true, connectionsMax: 100, connections: 3, sizeBytes: 5, migrations: [1],
      }), // prettier-ignore
      logServer: async () => ({
        version: "2.15.1",
        streams: [],
        store: { usedBytes: 1, maxBytes: 9, isSyncedAlways: true },
        trimProblem: undefined,
      }),
      knownMigrations: () => [1],
    },
    store: {
      readPositions: async () => ({ logTimeMs: NOW_MS - 5, origins: { eu: { tick }, us: { tick } } }),
      listVerifications: async () => [],
    },
    gateway: { status: async () => ({ partitions: [{ partition: 0, wal: {}, trim, logTimeMs: 4_000 }] }) },
    clock: clock(hurry),
  };
  return new Doctor({ ...options, ...more } as unknown as DoctorOptions);
}

const verdicts = async (made: Doctor) =>
  Object.fromEntries((await made.examine()).checks.map(({ name, verdict }) => [name, verdict]));

describe("the doctor", () => {
  it("finds all well where it is", async () => {
    expect(await verdicts(doctor())).toEqual(Object.fromEntries(NAMES.map((name) => [name, "ok"])));
    expect(await doctor().examine()).toMatchObject({ postgresVersion: "18.4", natsVersion: "2.15.1" });
  });

  it("says of each check what could not be looked at, and of the others what is", async () => {
    const away = () => Promise.reject(new Error("connect ECONNREFUSED"));
    const surroundings = { database: away, logServer: away, knownMigrations: () => [] };
    const found = await verdicts(doctor({ surroundings }));
    for (const [name, verdict] of Object.entries(found)) {
      const isLook = /^(database|schema|log-|trim-)|^clock-database/.test(name);
      expect(`${name} ${verdict}`).toBe(`${name} ${isLook ? "fail" : "ok"}`);
    }
    expect(Object.keys(found).toSorted()).toEqual(NAMES.toSorted());
  });

  it("answers while everything hangs", async () => {
    const surroundings = { database: HANGS, logServer: HANGS, knownMigrations: () => [] };
    const store = { readPositions: HANGS, listVerifications: HANGS };
    const found = await verdicts(doctor({ surroundings, store, gateway: { status: HANGS } }, true));
    expect(Object.keys(found).toSorted()).toEqual(NAMES.toSorted());
    expect(Object.values(found).filter((verdict) => verdict === "fail")).toHaveLength(NAMES.length - 2);
  });

  it("examines a process that is starting", async () => {
    const status = async () => {
      throw new GatewayError("starting", "its database does not answer yet");
    };
    expect(await verdicts(doctor({ gateway: { status } }))).toMatchObject({
      wal: "fail",
      "node-version": "ok",
    });
  });

  it("looks once for all who ask at once", async () => {
    let looks = 0;
    const made = doctor();
    const other = doctor({
      surroundings: {
        database: async () => ((looks += 1), HANGS()),
        logServer: HANGS,
        knownMigrations: () => [],
      },
    });
    void other.examine();
    void other.examine();
    expect(looks).toBe(1);
    const [one, same] = [made.examine(), made.examine()];
    expect(one).toBe(same);
    await one;
    expect(made.examine()).not.toBe(one);
  });
});
