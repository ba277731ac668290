/** The fold state of a partition: where it is, what it knows of the origins, and its collections. One statement each. */
import {
  collectionId,
  initialPartitionState,
  type OriginState,
  type PartitionState,
} from "../../core/fold/state.ts";
import type { Collection } from "../../core/schema.ts";
import type { Positions } from "../../ports/region-store.ts";
import type { Queries, Statement } from "./pool.ts";
import { toHlc, toNumber } from "./values.ts";

const POSITIONS = `a.position, a.log_time_ms, a.hlc, a.chain, a.cluster, a.partitions, a.members, a.forgotten_position, a.forgotten_time_ms,
                a.log_epoch, a.departed,
                (select json_agg(json_build_object('region', o.region, 'watermark', o.watermark, 'epoch', o.epoch,
                          'chain', o.chain, 'hlc', o.hlc::text, 'tick', o.tick, 'promise', o.promise, 'joined', o.joined))
                 from origins o where o.partition = $1) as origins`;

const READ_POSITIONS: Statement = {
  name: "read_positions",
  text: `select ${POSITIONS} from applied a where a.partition = $1`,
  effect: "reading",
};

const LOAD_PARTITION: Statement = {
  name: "load_partition",
  text: `select ${POSITIONS},
                (select json_agg(json_build_object('tenant', c.tenant, 'name', c.name, 'version', c.version,
                          'schema', c.schema))
                 from collections c where c.partition = $1) as collections
         from applied a where a.partition = $1`,
  effect: "reading",
};

interface PositionsRow {
  readonly position: string;
  readonly log_time_ms: string;
  readonly hlc: string;
  readonly chain: string;
  readonly cluster: string | null;
  readonly partitions: number;
  readonly members: readonly string[];
  readonly forgotten_position: string;
  readonly forgotten_time_ms: string;
  readonly log_epoch: number;
  readonly departed: PartitionState["departed"];
  readonly origins: readonly OriginRow[] | null;
}

interface OriginRow extends Omit<OriginState, "joined"> {
  readonly region: string;
  readonly joined: string | null;
}

export async function readPositions(database: Queries, partition: number): Promise<Positions> {
  const [row] = await database.query<PositionsRow>(READ_POSITIONS, [partition]);
  if (row !== undefined) return toPositions(partition, row);
  const { collections: _, ...initial } = initialPartitionState(partition);
  return initial;
}

export async function loadPartition(database: Queries, partition: number): Promise<PartitionState> {
  const [row] = await database.query<PositionsRow & { collections: readonly Collection[] | null }>(
    LOAD_PARTITION,
    [partition],
  );
  if (row === undefined) return initialPartitionState(partition);
  const collections = (row.collections ?? []).map((collection): [string, Collection] => [
    collectionId(collection.tenant, collection.name),
    collection,
  ]);
  return { ...toPositions(partition, row), collections: Object.fromEntries(collections) };
}

function toPositions(partition: number, row: PositionsRow): Positions {
  const { chain, cluster, partitions, members } = row;
  const origins = (row.origins ?? []).map(({ region, joined, ...origin }): [string, OriginState] => [
    region,
    { ...origin, hlc: toHlc(origin.hlc), ...(joined !== null && { joined }) },
  ]);
  return {
    partition,
    position: toNumber(row.position),
    logTimeMs: toNumber(row.log_time_ms),
    hlc: toHlc(row.hlc),
    chain,
    cluster,
    partitions,
    members,
    origins: Object.fromEntries(origins),
    forgotten: {
      position: toNumber(row.forgotten_position),
      logTimeMs: toNumber(row.forgotten_time_ms),
    },
    logEpoch: row.log_epoch,
    departed: row.departed,
  };
}
