/** Each judgement: what is well, and each fault that it is for. */
import { describe, expect, it } from "vitest";
import { formatBytes, isOlder, worstOf, type Judgement } from "../../../../services/core/doctor/check.ts";
import * as database from "../../../../services/core/doctor/judge-database.ts";
import * as log from "../../../../services/core/doctor/judge-log.ts";
import * as process from "../../../../services/core/doctor/judge-process.ts";
import * as state from "../../../../services/core/doctor/judge-state.ts";

type Case = readonly [what: string, verdict: Judgement["verdict"], judgement: Judgement];

const GB = 1_024 ** 3;

const DATABASE: database.DatabaseFacts = {
  version: "18.4 (Debian 18.4-1)",
  nowMs: 1_000,
  isReadOnly: false,
  isSuperuser: false,
  mayCreate: true,
  fsync: true,
  fullPageWrites: true,
  connectionsMax: 100,
  connections: 12,
  sizeBytes: GB,
  migrations: [1, 2, 3],
};

const STREAM: log.StreamFacts = {
  partition: 0,
  isClosed: false,
  differences: [],
  bytesMax: -1,
  messagesMax: -1,
  bytes: 10,
  duplicateWindowMs: 120_000,
  lagging: [],
  hasLeader: true,
};

const SERVER: log.LogServerFacts = {
  version: "2.15.1",
  streams: [STREAM],
  store: { usedBytes: GB, maxBytes: 16 * GB, isSyncedAlways: true },
  trimProblem: undefined,
};
const streams = (more: Partial<log.StreamFacts>) => ({
  ...SERVER,
  streams: [STREAM, { ...STREAM, ...more }],
});
const store = (more: Partial<log.StoreFacts>) => ({ ...SERVER, store: { ...SERVER.store!, ...more } });

const CONFIGURATION: process.ConfigurationFacts = {
  logLevel: "info",
  hasMonitor: true,
  regions: 3,
  crashAt: undefined,
  walRetentionMs: 3_600_000,
  walAgeMsMax: 86_400_000,
  verifyEveryMs: 3_600_000,
};
const configured = (more: Partial<process.ConfigurationFacts>) =>
  process.judgeConfiguration({ ...CONFIGURATION, ...more });

const PARTITION: state.PartitionFacts = {
  partition: 0,
  trouble: undefined,
  needsBootstrap: false,
  away: [],
  pinnedBy: undefined,
  notReading: [],
};
const partition = (more: Partial<state.PartitionFacts>) => [PARTITION, { ...PARTITION, ...more }];

const TIMES = { nowMs: 10_000_000, everyMs: 1_000_000, startedAtMs: 0 };
const verified = (verdict: string, agoMs: number, times = TIMES) =>
  state.judgeVerification([{ partition: 0, verdict, endedAtMs: times.nowMs - agoMs }], times);

const CASES: readonly Case[] = [
  ["node", "ok", process.judgeNode("20.19.0")],
  ["node of before", "fail", process.judgeNode("20.18.3")],
  ["configuration", "ok", configured({})],
  ["a crash point", "fail", configured({ crashAt: "after-publish" })],
  ["two regions", "warn", configured({ regions: 2 })],
  ["no monitoring", "warn", configured({ hasMonitor: false })],
  ["no verification", "warn", configured({ verifyEveryMs: 0 })],
  ["a short WAL", "warn", configured({ walAgeMsMax: 60_000 })],
  ["a loud log", "warn", configured({ logLevel: "debug" })],
  ["clocks", "ok", process.judgeOffset("it", -120, 10)],
  ["clocks that nobody can tell apart", "ok", process.judgeOffset("it", 900, 800)],
  ["clocks that drift", "warn", process.judgeOffset("it", 450, 10)],
  ["clocks that are off", "fail", process.judgeOffset("it", -2_000, 10)],
  ["log time", "ok", process.judgeLogTime(10_000, 4_000)],
  ["log time ahead", "fail", process.judgeLogTime(10_000, 11_000)],
  ["database version", "ok", database.judgeDatabaseVersion(DATABASE)],
  ["an old database", "fail", database.judgeDatabaseVersion({ ...DATABASE, version: "14.9" })],
  ["durability", "ok", database.judgeDurability(DATABASE)],
  ["a standby", "fail", database.judgeDurability({ ...DATABASE, isReadOnly: true })],
  ["no fsync", "fail", database.judgeDurability({ ...DATABASE, fsync: false })],
  ["torn pages", "warn", database.judgeDurability({ ...DATABASE, fullPageWrites: false })],
  ["role", "ok", database.judgeRole(DATABASE)],
  ["a superuser", "warn", database.judgeRole({ ...DATABASE, isSuperuser: true })],
  ["a role without rights", "fail", database.judgeRole({ ...DATABASE, mayCreate: false })],
  ["connections", "ok", database.judgeConnections(DATABASE, 16)],
  ["too few connections", "fail", database.judgeConnections({ ...DATABASE, connectionsMax: 16 }, 16)],
  ["nearly none left", "warn", database.judgeConnections({ ...DATABASE, connections: 95 }, 16)],
  ["size", "ok", database.judgeDatabaseSize(DATABASE)],
  ["migrations", "ok", database.judgeMigrations(DATABASE, [1, 2, 3])],
  ["a missing migration", "fail", database.judgeMigrations(DATABASE, [1, 2, 3, 4])],
  ["a migration of newer software", "warn", database.judgeMigrations(DATABASE, [1, 2])],
  ["log server", "ok", log.judgeLogServer(SERVER)],
  ["an old log server", "fail", log.judgeLogServer({ ...SERVER, version: "2.9.10" })],
  ["a log server that is not tested", "warn", log.judgeLogServer({ ...SERVER, version: "2.12.0" })],
  ["streams", "ok", log.judgeStreams(SERVER)],
  ["no stream", "fail", log.judgeStreams(streams({ partition: 1, differences: undefined }))],
  ["a stream that ages", "fail", log.judgeStreams(streams({ differences: ["max_age is 1 instead of 0"] }))],
  ["a log that was not opened", "fail", log.judgeStreams(streams({ isClosed: true }))],
  ["a stream near its bound", "warn", log.judgeStreams(streams({ bytesMax: 100, bytes: 90 }))],
  ["a stream with a bound", "ok", log.judgeStreams(streams({ bytesMax: 100 }))],
  ["replicas", "ok", log.judgeReplicas(SERVER)],
  ["no leader", "fail", log.judgeReplicas(streams({ hasLeader: false }))],
  ["a copy behind", "warn", log.judgeReplicas(streams({ lagging: ["us"] }))],
  ["store", "ok", log.judgeStore(SERVER)],
  ["a store that nobody sees", "warn", log.judgeStore({ ...SERVER, store: undefined })],
  ["a store that fills", "warn", log.judgeStore(store({ usedBytes: 14 * GB }))],
  ["a full store", "fail", log.judgeStore(store({ usedBytes: 15.9 * GB }))],
  ["a store that is not synced", "fail", log.judgeStore(store({ isSyncedAlways: false }))],
  ["trimming allowed", "ok", log.judgeTrimRight(SERVER, true)],
  ["trimming forbidden", "fail", log.judgeTrimRight({ ...SERVER, trimProblem: "no" }, true)],
  [
    "trimming forbidden where nobody trims",
    "ok",
    log.judgeTrimRight({ ...SERVER, trimProblem: "no" }, false),
  ],
  ["WAL", "ok", state.judgeWal(partition({}))],
  ["a WAL that takes nothing", "fail", state.judgeWal(partition({ trouble: "displaced" }))],
  ["a lost beginning", "fail", state.judgeWal(partition({ needsBootstrap: true }))],
  ["trimming", "ok", state.judgeTrimming(partition({}))],
  ["a member that was away", "warn", state.judgeTrimming(partition({ away: ["ap"] }))],
  ["a short pin", "ok", state.judgeTrimming(partition({ pinnedBy: { region: "ap", forMs: 5_000 } }))],
  ["a long pin", "warn", state.judgeTrimming(partition({ pinnedBy: { region: "ap", forMs: 7_200_000 } }))],
  ["entry versions", "ok", state.judgeEntryVersions(partition({}), 7)],
  ["an old member", "warn", state.judgeEntryVersions(partition({ notReading: ["ap"] }), 7)],
  ["verification", "ok", verified("match", 500_000)],
  ["none yet", "ok", state.judgeVerification([], { ...TIMES, startedAtMs: TIMES.nowMs })],
  ["none for long", "warn", state.judgeVerification([], TIMES)],
  ["an old verification", "warn", verified("match", 2_500_000)],
  ["one that compared too few", "warn", verified("unreachable", 500_000)],
  ["one by hand alone", "ok", verified("match", 2_500_000, { ...TIMES, everyMs: 0 })],
  ["drift", "fail", verified("diverged", 500)],
];

it.each(CASES)("%s: %s", (_, verdict, judgement) => {
  expect(judgement.verdict).toBe(verdict);
  expect(judgement.found).not.toBe("");
  // Whoever is told of a fault is told what to change.
  expect((judgement.advice ?? "") === "").toBe(verdict === "ok");
});

describe("words of judgements", () => {
  it("tell versions apart by their numbers", () => {
    expect(isOlder("2.9.10", "2.11")).toBe(true);
    expect(isOlder("2.11.0-beta.1", "2.11")).toBe(false);
    expect(isOlder("v20.19.1", "20.19")).toBe(false);
    expect(isOlder("15", "15")).toBe(false);
    expect(isOlder("unknown", "1")).toBe(true);
  });

  it("name the worst, and sizes", () => {
    expect(worstOf([])).toBe("ok");
    expect(worstOf([{ verdict: "warn" }, { verdict: "ok" }])).toBe("warn");
    expect(worstOf([{ verdict: "fail" }, { verdict: "warn" }])).toBe("fail");
    expect([0, 1_023, 1_536, 3 * GB].map(formatBytes)).toEqual(["0 B", "1023 B", "1.5 KB", "3.0 GB"]);
  });

  it("give advice on each thing that is wrong with a configuration", () => {
    expect(configured({ regions: 2, logLevel: "debug" })).toMatchObject({
      found: "2 regions: a lost one stops the log; the log level is debug",
      advice: "have 3 or more; set info",
    });
  });
});
