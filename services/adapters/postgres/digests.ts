/**
 * SQL that digests rows where they are. The hashes are those that PostgreSQL's hash partitioning rests on, so they stay as
 * they are from version to version; with the byte order of collation "C" no locale has a part in them.
 *
 * A row's hash is 128 bits, two hashes of 64 with different seeds, over its name, version, fields as text, tombstone and
 * expiry. Rows of a leaf are combined by xor, in any order. Each step is a subquery with `offset 0`, so that the planner
 * does not compute an expression anew wherever it is used.
 */
import { assert } from "../../core/assert.ts";
import type { LeafDigests } from "../../core/verify/digest-tree.ts";

/** Which leaf a row is in, its name's hash tells. */
const NAMED = `select hashtextextended(r.record_id, 0) as name_hash, r.* from records r where r.partition = $1 offset 0`;

/** What the hashes of the fields begin with: everything else that there is to a row. */
function seeded(filter: string): string {
  return `select n.name_hash & $2::bigint as leaf, n.record_id, n.fields,
                 hashtextextended(
                   case when n.tombstone is null and n.expires_at_ms is null then n.version::text
                        else n.version || coalesce('+' || n.tombstone, '-') || coalesce('+' || n.expires_at_ms, '-') end
                   collate "C", n.name_hash) as seed
          from (${NAMED}) n where ${filter} offset 0`;
}

/** Rows that are looked at between two rests, about: they take a few milliseconds. */
const RESTED_ROWS = 4_096;

/**
 * Since the transaction has begun: a scan does not rest any more then. At some 3 µs a row, more than a hundred million rows fit
 * in what is left of a checkpoint's ten minutes.
 */
const RESTING_SECONDS_MAX = 180;

/** True of all rows, and on the way rests now and then. @param seconds parameter; at 0 it costs next to nothing. */
function resting(hash: string, seconds: string): string {
  const rest = `case when clock_timestamp() < now() + interval '${RESTING_SECONDS_MAX} s' then ${seconds}::double precision else 0 end`;
  return `case when (${hash} >> 32) & ${RESTED_ROWS - 1} = 0 then pg_sleep(${rest}) is not null else true end`;
}

const ONE = `hashtextextended(s.fields collate "C", s.seed)`;
const TWO = `hashtextextended(s.fields collate "C", ~ s.seed)`;

/** Bytes of a leaf's entry: leaf and count of 4 bytes, two hashes of 8. */
const LEAF_BYTES = 24;

/** Of partition $1, with $2 leaves less one, with rests of $3 seconds. One row of base64, since 65,536 rows cost the driver more than they say. */
export const DIGEST_LEAVES_SQL = `
  select encode(string_agg(int4send(g.leaf::integer) || int4send(g.rows::integer) || int8send(g.one) || int8send(g.two),
                           ''::bytea), 'base64') as packed
  from (select s.leaf, count(*) as rows, bit_xor(${ONE}) as one, bit_xor(${TWO}) as two
        from (${seeded(resting("n.name_hash", "$3"))}) s group by s.leaf) g`;

export function unpackLeaves(leaves: number, packed: Buffer): LeafDigests {
  assert(packed.length % LEAF_BYTES === 0, "leaves come whole");
  const rows = new Uint32Array(leaves);
  const hashes = new Uint32Array(4 * leaves);
  for (let at = 0; at < packed.length; at += LEAF_BYTES) {
    const leaf = packed.readUInt32BE(at);
    rows[leaf] = packed.readUInt32BE(at + 4);
    for (let word = 0; word < 4; word += 1) hashes[4 * leaf + word] = packed.readUInt32BE(at + 8 + 4 * word);
  }
  return { rows, hashes };
}

/** Names and hashes of the rows in the leaves that have a bit in $3; the other rows are not hashed. */
export const READ_LEAVES_SQL = `
  select s.record_id, encode(int8send(${ONE}) || int8send(${TWO}), 'hex') as hash
  from (${seeded("get_bit($3::bytea, n.name_hash & $2::bigint) = 1")}) s`;

/** A bit for each leaf: whether it is wanted costs the same for one leaf and for all. */
export function wantedBits(leaves: number, wanted: readonly number[]): Buffer {
  const bits = Buffer.alloc(Math.ceil(leaves / 8));
  for (const leaf of wanted) {
    assert(leaf >= 0 && leaf < leaves, `leaf ${leaf} of ${leaves}`);
    bits[leaf >> 3] = bits[leaf >> 3]! | (1 << (leaf & 7));
  }
  return bits;
}

/** Integers are folded to 32 bits before they are hashed: the high half of what fills more goes into the seed. */
const OPERATION_SEED = `hashint8extended(o.position, hashint8extended(o.hlc, o.id_hash # (o.hlc >> 32)))`;
const OPERATION_TEXT = `o.tenant || chr(10) || o.origin || chr(10) || o.status || chr(10)
                        || encode(o.request_hash, 'hex') || coalesce('+' || o.detail, '-')`;

/** Outcomes of partition $1 at positions from $2, exclusive, to $3, with rests of $4 seconds. */
export const OPERATIONS_SQL = `
  select count(*) as count,
         encode(int8send(coalesce(bit_xor(hashtextextended(s.content collate "C", s.seed)), 0))
                || int8send(coalesce(bit_xor(hashtextextended(s.content collate "C", ~ s.seed)), 0)), 'hex') as hash
  from (select ${OPERATION_SEED} as seed, ${OPERATION_TEXT} as content
        from (select uuid_hash_extended(p.id, 0) as id_hash, p.* from operations p
              where p.partition = $1 and p.position > $2 and p.position <= $3 offset 0) o
        where ${resting("o.id_hash", "$4")} offset 0) s`;
