/**
 * Looks at what a region process stands on, and says what to change. Needs nothing of the process's own work: it is asked
 * when that does not go on.
 */
import type { DatabaseFacts } from "../../core/doctor/judge-database.ts";
import { fail, type Check, type Judgement } from "../../core/doctor/check.ts";
import {
  judgeConnections,
  judgeDatabaseSize,
  judgeDatabaseVersion,
  judgeDurability,
  judgeMigrations,
  judgeRole,
} from "../../core/doctor/judge-database.ts";
import {
  judgeLogServer,
  judgeReplicas,
  judgeStore,
  judgeStreams,
  judgeTrimRight,
  type LogServerFacts,
} from "../../core/doctor/judge-log.ts";
import {
  judgeConfiguration,
  judgeLogTime,
  judgeNode,
  judgeOffset,
  type ConfigurationFacts,
} from "../../core/doctor/judge-process.ts";
import {
  judgeEntryVersions,
  judgeTrimming,
  judgeVerification,
  judgeWal,
  type PartitionFacts,
} from "../../core/doctor/judge-state.ts";
import { membersNotReading } from "../../core/entry-version.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateReader } from "../../ports/region-store.ts";
import type { Surroundings } from "../../ports/surroundings.ts";
import type { VerificationRecords } from "../../ports/verification-records.ts";
import { ENTRY_VERSION } from "../../protocol/entry-codec.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { Gateway } from "../gateway.ts";
import { inTime } from "../../runtime/in-time.ts";

/** For what is not answered by then; a look that hangs ends by itself. */
const LOOK_MS_MAX = 5_000;
const VERIFICATIONS_READ = 100;

export interface DoctorOptions {
  readonly region: string;
  readonly regions: number;
  readonly partitions: number;
  readonly software: string;
  readonly nodeVersion: string;
  readonly configuration: Omit<ConfigurationFacts, "regions">;
  readonly postgresConnectionsMax: number;
  /** Whether the log has a retention. */
  readonly isLogTrimmed: boolean;
  readonly surroundings: Surroundings;
  readonly store: Pick<StateReader, "readPositions"> & Pick<VerificationRecords, "listVerifications">;
  readonly gateway: Pick<Gateway, "status">;
  readonly clock: Clock;
}

export interface Examination {
  readonly checks: readonly Check[];
  readonly postgresVersion: string | undefined;
  readonly natsVersion: string | undefined;
}

type Look<Facts> = readonly [name: string, judge: (facts: Facts) => Judgement];

export class Doctor {
  readonly #options: DoctorOptions;
  readonly #startedAtMs: number;
  #underWay: Promise<Examination> | undefined;

  constructor(options: DoctorOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.nowMs();
  }

  /** Who asks while it looks is answered with that look. Never rejects. */
  examine(): Promise<Examination> {
    this.#underWay ??= this.#examine().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /** What does not have to be looked at. */
  about(): { readonly nodeVersion: string; readonly partitions: number; readonly nowMs: number } {
    const { nodeVersion, partitions, clock } = this.#options;
    return { nodeVersion, partitions, nowMs: clock.nowMs() };
  }

  async #examine(): Promise<Examination> {
    const { surroundings, nodeVersion, configuration, regions } = this.#options;
    let database: DatabaseFacts | undefined;
    let log: LogServerFacts | undefined;
    const looks = await Promise.all([
      this.#judged(async () => (database = await surroundings.database()), this.#databaseLooks()),
      this.#judged(async () => (log = await surroundings.logServer()), this.#logLooks()),
      this.#judged(() => this.#logTimeMs(), [["clock-log-time", (at) => judgeLogTime(this.#nowMs(), at)]]),
      this.#judged(() => this.#partitions(), this.#stateLooks()),
      this.#judged(() => this.#verifications(), [["verification", (last) => this.#judgeVerification(last)]]),
    ]);
    const own = [
      { name: "node-version", ...judgeNode(nodeVersion) },
      { name: "configuration", ...judgeConfiguration({ ...configuration, regions }) },
    ];
    const checks = [...own, ...looks.flat()];
    return { checks, postgresVersion: database?.version, natsVersion: log?.version };
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }

  #databaseLooks(): Look<DatabaseFacts>[] {
    const { surroundings, postgresConnectionsMax } = this.#options;
    const askedAtMs = this.#nowMs();
    return [
      ["database-version", judgeDatabaseVersion],
      ["database-durability", judgeDurability],
      ["database-role", judgeRole],
      ["database-connections", (facts) => judgeConnections(facts, postgresConnectionsMax)],
      ["database-size", judgeDatabaseSize],
      ["schema-migrations", (facts) => judgeMigrations(facts, surroundings.knownMigrations())],
      ["clock-database", ({ nowMs }) => this.#judgeDatabaseClock(nowMs, askedAtMs)],
    ];
  }

  /** It told its time at some moment between then and now. */
  #judgeDatabaseClock(databaseMs: number, askedAtMs: number): Judgement {
    const uncertaintyMs = (this.#nowMs() - askedAtMs) / 2;
    return judgeOffset("the database's clock", askedAtMs + uncertaintyMs - databaseMs, uncertaintyMs);
  }

  #logLooks(): Look<LogServerFacts>[] {
    return [
      ["log-server-version", judgeLogServer],
      ["log-streams", judgeStreams],
      ["log-replicas", judgeReplicas],
      ["log-store", judgeStore],
      ["trim-permission", (facts) => judgeTrimRight(facts, this.#options.isLogTrimmed)],
    ];
  }

  #stateLooks(): Look<readonly PartitionFacts[]>[] {
    return [
      ["wal", judgeWal],
      ["trimming", judgeTrimming],
      ["entry-versions", (facts) => judgeEntryVersions(facts, ENTRY_VERSION)],
    ];
  }

  /** What could not be looked at is said of each of its checks. */
  async #judged<Facts>(look: () => Promise<Facts>, looks: readonly Look<Facts>[]): Promise<Check[]> {
    const { clock } = this.#options;
    const late = () => {
      throw new Error(`no answer within ${LOOK_MS_MAX / 1_000} s`);
    };
    try {
      const facts = await inTime(look(), { clock, timeoutMs: LOOK_MS_MAX, late });
      return looks.map(([name, judge]) => ({ name, ...judge(facts) }));
    } catch (error) {
      const judgement = fail(
        `could not be looked at: ${describeError(error)}`,
        "see that it runs and can be reached",
      );
      return looks.map(([name]) => ({ name, ...judgement }));
    }
  }

  async #logTimeMs(): Promise<number> {
    return (await this.#options.store.readPositions(0)).logTimeMs;
  }

  async #partitions(): Promise<PartitionFacts[]> {
    const { gateway, store } = this.#options;
    const { partitions } = await gateway.status();
    return Promise.all(
      partitions.map(async ({ partition, wal, trim, logTimeMs }) => ({
        partition,
        trouble: wal.trouble,
        needsBootstrap: trim.needsBootstrap,
        away: trim.away.map(({ region }) => region),
        pinnedBy: trim.pinnedBy && { region: trim.pinnedBy.region, forMs: logTimeMs - trim.pinnedBy.sinceMs },
        notReading: membersNotReading(await store.readPositions(partition), ENTRY_VERSION),
      })),
    );
  }

  /** The newest of each partition. */
  async #verifications() {
    const found = await this.#options.store.listVerifications({ limit: VERIFICATIONS_READ });
    const newest = new Map(found.toReversed().map((one) => [one.partition, one]));
    return [...newest.values()].map(({ partition, verdict, endedAtMs, startedAtMs }) => {
      return { partition, verdict, endedAtMs: endedAtMs ?? startedAtMs };
    });
  }

  #judgeVerification(last: Parameters<typeof judgeVerification>[0]): Judgement {
    const { configuration, regions } = this.#options;
    // Each region takes its share of the cluster's period.
    const everyMs = configuration.verifyEveryMs * regions;
    return judgeVerification(last, { nowMs: this.#nowMs(), everyMs, startedAtMs: this.#startedAtMs });
  }
}
