/** Names in PostgreSQL: a schema for each tenant, in it a view for each collection. */
import { sha256 } from "../hash.ts";

/** PostgreSQL cuts longer identifiers off, and then two of them may be one. */
const IDENTIFIER_BYTES_MAX = 63;
const SCHEMA_PREFIX = "forebay_";
/** What all tenants' readers share: how far the region is. */
export const SHARED_SCHEMA = "forebay_read";
/** Who may read views at all; of which tenant, a table of the region says. */
export const READER_ROLE = "forebay_reader";

const PLAIN = /^[a-z0-9_-]+$/;
const HASH_DIGITS = 16;
/** No plain name has it, so that no name that was cut is another tenant's. */
const CUT = "~";

/** The schema of a tenant's views. Names of collections are identifiers as they are: 63 letters, digits, `_` and `-` at most. */
export function tenantSchema(tenant: string): string {
  const name = SCHEMA_PREFIX + tenant;
  if (PLAIN.test(tenant) && name.length <= IDENTIFIER_BYTES_MAX && name !== SHARED_SCHEMA) return name;
  const kept = name.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "_");
  const room = IDENTIFIER_BYTES_MAX - CUT.length - HASH_DIGITS;
  return kept.slice(0, room) + CUT + sha256(tenant).slice(0, HASH_DIGITS);
}
