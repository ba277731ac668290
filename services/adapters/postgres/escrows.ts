/** A record's escrows, as the region's next write finds them. */
import type { Rights } from "../../core/fields/merge/escrow.ts";
import { recordIdText } from "../../core/operation.ts";
import type { RecordEscrows, StateReader } from "../../ports/region-store.ts";
import type { Database, Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

// One snapshot: the function is stable.
const READ_ESCROWS: Statement = {
  name: "read_escrows",
  text: `select coalesce((select a.position from applied a where a.partition = $1), 0) as position, e.rights, e.here, e.total, e.leaving, e.pending_to
         from forebay_escrows($1, $2, $3) e`,
  effect: "reading",
};

interface EscrowsRow {
  readonly position: string;
  readonly rights: { readonly [field: string]: Rights };
  readonly here: { readonly [field: string]: number };
  readonly total: { readonly [field: string]: number };
  readonly leaving: { readonly [field: string]: number };
  readonly pending_to: string;
}

export async function readEscrows(
  options: { database: Database; region: string } & Parameters<StateReader["readEscrows"]>[0],
): Promise<RecordEscrows> {
  const { database, region, partition, ...id } = options;
  const row = await database.queryOne<EscrowsRow>(READ_ESCROWS, [partition, region, recordIdText(id)]);
  const escrows = Object.entries(row.rights)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([field, rights]) => {
      const [here, total, leaving] = [row.here, row.total, row.leaving].map((amounts) => amounts[field]!);
      return { field, rights, here: here!, total: total!, leaving: leaving! };
    });
  return { position: toNumber(row.position), pendingTo: toNumber(row.pending_to), escrows };
}
