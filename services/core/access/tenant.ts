/** Names of tenants. Those that begin with `$` are the cluster's own, and no credential can be of one. */

/** No line breaks, which would let two names run into each other where ids are made of several parts. */
export const TENANT_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9_.:@-]{0,63}$";
const TENANT = new RegExp(TENANT_PATTERN);

/** Holds the cluster's own records, such as API keys. */
export const CLUSTER_TENANT = "$forebay";

export function isTenant(value: unknown): value is string {
  return typeof value === "string" && TENANT.test(value);
}
