/** Drift of every kind, planted in one region's database behind the code's back, or by a fold that goes its own way there. */
import { recordIdText, type RecordId } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import { CLAIM_FIELD, claimRecord, LEASE_FIELD, leaseRecord } from "../../services/core/reserved.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";
import { ACCOUNTS, EMAIL_FIELD } from "./accounts.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import { overriding } from "./overriding.ts";
import { QUIET_COUNT, quietEmail, quietKey, writeThing } from "./quiet.ts";
import { GOODS } from "./stock.ts";
import { COLLECTION, TENANT } from "./workload.ts";
import type { Process } from "./world.ts";

/** What is known of a drift that was planted. */
export interface PlantedDrift {
  /** That differ from then on; no others do. */
  readonly records: readonly RecordId[];
  /** What else does, as verdicts name it. */
  readonly rest: readonly string[];
  /** Of what no repair can set. */
  readonly undo?: () => void;
  /** Nothing can be undone, and what differs grows from then on. */
  readonly isLasting?: true;
}

export interface DriftPlace {
  readonly cluster: SimulatedCluster;
  readonly region: SimulatedRegion;
  readonly process: Process;
  /** Another one for each drift. */
  readonly number: number;
}

type Plant = (place: DriftPlace) => PlantedDrift | Promise<PlantedDrift>;

/** Kinds that a repair takes away. */
const OF_RECORDS = {
  "row edited": (place) => editThing(place, { total: { kind: "counter", sum: 77 } }),
  "element inside a document": (place) =>
    editThing(place, { tags: { kind: "set", elements: { '"planted"': { eu: 1 } } } as never }),
  "version alone": (place) => edit(place, thing(place), (row) => ({ ...row, version: row.version - 1 })),
  "row deleted": (place) => edit(place, thing(place), () => undefined),
  "row inserted": (place) =>
    insert(place, { ...thing(place), key: `inserted-${place.number}` }, thing(place)),
  "tombstone planted": (place) =>
    edit(place, thing(place), (row) => ({
      ...row,
      tombstone: { hlc: "0000000000000001" as never, origin: "eu", logTimeMs: 1 },
    })),
  "claim without record": (place) => insert(place, claimOf(place, `ghost-${place.number}@x`), claimOf(place)),
  "claim of another record": (place) =>
    editFields(place, claimOf(place), { [CLAIM_FIELD]: { kind: "claim", key: "somebody" } }),
  "claim dropped": (place) => edit(place, claimOf(place), () => undefined),
  "escrow rights off by one": (place) =>
    edit(place, { ...thing(place), collection: GOODS }, (row) => ({ ...row, fields: offByOne(row.fields) })),
  "lease of another holder": (place) =>
    edit(place, leaseRecord(TENANT, quietKeyOf(place)), (row) => ({
      ...row,
      fields: { [LEASE_FIELD]: { ...row.fields[LEASE_FIELD], holder: "planted" } as never },
    })),
  "fold that is not deterministic": async (place) => {
    const key = `${ODD_PREFIX}${place.region.name}-${place.number}`;
    await writeThing(place.cluster, place.process, { key, number: place.number });
    return { records: [{ tenant: TENANT, collection: COLLECTION, key }], rest: [] };
  },
} satisfies Record<string, Plant>;

const OF_THE_REST = {
  "operation dropped": ({ region }) => {
    const [oldest] = region.database
      .snapshot(0)
      .outcomes.toSorted((one, other) => one.position - other.position);
    return { records: [], rest: ["operations"], undo: region.database.dropOutcome(0, oldest!.id) };
  },
  "schema edited": ({ cluster, region }) => {
    const id = `${TENANT}\n${GOODS}`;
    const before = region.database.readCollections(0).find(({ name }) => name === GOODS)!;
    const fields = { ...before.schema.fields, planted: { class: "lww" } as const };
    const set = (collection: typeof before) => () =>
      editStateStopped({ cluster, region }, (state) => ({
        ...state,
        collections: { ...state.collections, [id]: collection },
      }));
    set({ ...before, schema: { ...before.schema, fields } })();
    return { records: [], rest: [`collection ${TENANT}/${GOODS}`], undo: set(before) };
  },
  "origin edited": ({ cluster, region }) => {
    const other = cluster.regions.find(({ name }) => name !== region.name)!.name;
    editStateStopped({ cluster, region }, (state) => {
      const origin = state.origins[other]!;
      return { ...state, origins: { ...state.origins, [other]: { ...origin, epoch: origin.epoch + 1_000 } } };
    });
    return { records: [], rest: [`origin ${other}`], isLasting: true };
  },
} satisfies Record<string, Plant>;

export type DriftKind = keyof typeof OF_RECORDS | keyof typeof OF_THE_REST;

/** The lasting one last. */
export const DRIFT_KINDS = [...Object.keys(OF_RECORDS), ...Object.keys(OF_THE_REST)] as readonly DriftKind[];

export async function plantDrift(kind: DriftKind, place: DriftPlace): Promise<PlantedDrift> {
  const plants: Readonly<Record<DriftKind, Plant>> = { ...OF_RECORDS, ...OF_THE_REST };
  return plants[kind](place);
}

/** Records whose key begins with this and a region's name are folded in another way there. */
const ODD_PREFIX = "odd-";
const ODD_SUM = 1_000;

/** As if the region's fold depended on what it must not depend on: of some records it commits, and remembers, other sums. */
export function foldOddly(store: RegionStore, { name }: SimulatedRegion): RegionStore {
  return overriding(store, {
    commitFold: (options) => {
      const { records, repairs } = options.result;
      for (const record of repairs.length > 0 ? [] : records.values()) {
        const total = record?.fields["total"];
        if (!record?.key.startsWith(`${ODD_PREFIX}${name}`) || total?.kind !== "counter") continue;
        Object.assign(record, { fields: { ...record.fields, total: { ...total, sum: ODD_SUM } } });
      }
      return store.commitFold(options);
    },
  });
}

function quietKeyOf({ number }: DriftPlace): string {
  return quietKey(number % QUIET_COUNT);
}

function thing(place: DriftPlace): RecordId {
  return { tenant: TENANT, collection: COLLECTION, key: quietKeyOf(place) };
}

function claimOf({ number }: DriftPlace, value = quietEmail(number % QUIET_COUNT)): RecordId {
  return claimRecord({ tenant: TENANT, collection: ACCOUNTS, field: EMAIL_FIELD, value });
}

function rowOf({ region }: DriftPlace, id: RecordId): StoredRecord {
  return region.database.records(0).find((row) => recordIdText(row) === recordIdText(id))!;
}

function edit(
  place: DriftPlace,
  id: RecordId,
  change: (row: StoredRecord) => StoredRecord | undefined,
): PlantedDrift {
  place.region.database.edit(0, id, change(rowOf(place, id)));
  return { records: [id], rest: [] };
}

function editFields(place: DriftPlace, id: RecordId, fields: StoredRecord["fields"]): PlantedDrift {
  return edit(place, id, (row) => ({ ...row, fields: { ...row.fields, ...fields } }));
}

function editThing(place: DriftPlace, fields: StoredRecord["fields"]): PlantedDrift {
  return editFields(place, thing(place), fields);
}

function insert(place: DriftPlace, id: RecordId, like: RecordId): PlantedDrift {
  place.region.database.edit(0, id, { ...rowOf(place, like), ...id });
  return { records: [id], rest: [] };
}

function offByOne(fields: StoredRecord["fields"]): StoredRecord["fields"] {
  const { stock } = fields;
  if (stock?.kind !== "escrow") throw new Error("there is an escrow");
  const [[region, rights] = ["eu", 0]] = Object.entries(stock.rights);
  return { ...fields, stock: { ...stock, rights: { ...stock.rights, [region]: rights + 1 } } };
}

/** Processes that run have the state in memory, and write it anew. */
function editStateStopped(
  { cluster, region }: Pick<DriftPlace, "cluster" | "region">,
  change: Parameters<SimulatedRegion["database"]["editState"]>[1],
): void {
  while (region.processes.length > 0)
    cluster.kill(region, region.processes[0]!.process, "its state is edited");
  region.database.editState(0, change);
}
