/** The region's WAL against the log: `forebay_check_wal`, `forebay_start_rejoin` and what goes with a fold, in the migrations. */
import { MAX_OFFSET_MS } from "../../core/hlc.ts";
import type { CommitOptions } from "../../ports/region-store.ts";
import { DisplacedError, LostWalError, type OwnWal, type WalTail } from "../../ports/own-wal.ts";
import { DISPLACED_STATE, LOST_WAL_STATE, sqlStateOf } from "./errors.ts";
import type { Database, Statement } from "./pool.ts";
import { countArray, fromHlc, stampArray, toNumber, uuidArray } from "./values.ts";

const CHECK: Statement = {
  name: "check_wal",
  text: `select forebay_check_wal($1, $2, $3) as trouble,
                coalesce((select a.position from applied a where a.partition = $1), 0) as position`,
  effect: "writing",
};

const START_REJOIN: Statement = {
  name: "start_rejoin",
  text: "select forebay_start_rejoin($1, $2, $3, $4, $5)",
  effect: "writing",
};

const DISPLACE: Statement = {
  name: "displace",
  text: "select forebay_displace($1, $2, $3)",
  effect: "writing",
};

interface CheckRow {
  readonly trouble: "lost" | "displaced" | null;
  readonly position: string;
}

/** For a WAL of millions of rows, each of which is looked up, or gets another number; nothing is appended meanwhile. */
export const RENUMBERING_MS_MAX = 300_000;

export function openOwnWal(database: Database, region: string): OwnWal {
  return {
    checkWal: (partition) => checkWal({ database, region, partition }),
    startRejoin: async ({ partition, id, lost }) => {
      const { position = null, isLoaded = false } = lost ?? {};
      await database.queryOneApart(START_REJOIN, {
        values: [partition, region, id, position, isLoaded],
        timeoutMs: RENUMBERING_MS_MAX,
      });
    },
  };
}

async function checkWal(options: { database: Database; region: string; partition: number }): Promise<void> {
  const { database, region, partition } = options;
  const row = await database.queryOneApart<CheckRow>(CHECK, {
    values: [partition, region, MAX_OFFSET_MS],
    timeoutMs: RENUMBERING_MS_MAX,
  });
  if (row.trouble === "displaced") throw displaced(partition);
  if (row.trouble === "lost") {
    const position = toNumber(row.position);
    throw new LostWalError(`the WAL of partition ${partition} is not what its state goes on from`, {
      position,
      isLoaded: true,
    });
  }
}

function displaced(partition: number): DisplacedError {
  return new DisplacedError(
    `another database has taken the place of this region's in partition ${partition}; "forebay region rejoin --force" takes it back`,
  );
}

export const TAIL_PARAMETERS = 5;
export const JOIN_PARAMETERS = 3;
export const LEAVE_PARAMETERS = 1;

/** SQL of the parameters from a number on: those of `tailValues`. */
export function checkTailSql(first: number): string {
  const [sequences, ids, stamps, tickHead, tickStamp] = Array.from(
    { length: TAIL_PARAMETERS },
    (_, index) => `$${first + index}`,
  );
  return `(select count(*) from unnest(${sequences}::bigint[], ${ids}::uuid[], ${stamps}::bigint[]) t (sequence, id, hlc)
           cross join lateral forebay_check_wal_tail($1, t.sequence, t.id, t.hlc, ${tickHead}, ${tickStamp}) c)`;
}

export function tailValues({ operations, tick }: WalTail): (number | string | Buffer | null)[] {
  // Without operations one that is NULL: the tick is looked at with it.
  const sequences = operations.length === 0 ? [undefined] : operations.map(({ sequence }) => sequence);
  return [
    countArray(sequences),
    uuidArray(operations.map(({ id }) => id)),
    stampArray(operations.map(({ hlc }) => hlc)),
    ...(tick === undefined ? [null, null] : [tick.walHead, fromHlc(tick.hlc)]),
  ];
}

/** Parameters: the region, the id of the entry, how far clocks may be off. */
export function joinSql(first: number): string {
  return `forebay_join_log($1, $${first}, $${first + 1}, $${first + 2})`;
}

export function joinValues(region: string, id: string): (number | string)[] {
  return [region, id, MAX_OFFSET_MS];
}

/** Parameter: the region's last watermark. */
export function leaveSql(first: number): string {
  return `forebay_leave_log($1, $${first})`;
}

/** What a commit that was not made says of the WAL; notes for good that another database has come. Throws it, or returns. */
export async function throwWalTrouble(
  { database, region }: { database: Database; region: string },
  error: unknown,
  { expectedPosition, result }: CommitOptions,
): Promise<void> {
  const state = sqlStateOf(error);
  const { partition } = result.state;
  if (state === LOST_WAL_STATE) {
    throw new LostWalError((error as Error).message, { position: expectedPosition, isLoaded: false });
  }
  if (state !== DISPLACED_STATE) return;
  const id = result.membership?.joined[region]?.id;
  await database.query(DISPLACE, [partition, region, id]);
  throw displaced(partition);
}
