/**
 * Scopes as text, and what follows from having them.
 *
 *   read:PREFIX  write:PREFIX  admin:PREFIX   collections, or leases, whose names begin with PREFIX; `read:` is all of them
 *   metrics                                   the process's metrics, and nothing else
 *   cluster                                   what operators do; of no tenant, and with no right to records by itself
 */
import type { Identity, Scope } from "./identity.ts";

const OF_COLLECTIONS = /^(read|write|admin):([a-zA-Z0-9_-]{0,63})$/;
export const SCOPE_PATTERN = "^(?:(?:read|write|admin):[a-zA-Z0-9_-]{0,63}|metrics|cluster)$";
/** Of one credential. */
export const SCOPES_MAX = 64;

/** What may be asked for by the name of a collection. */
export const COLLECTION_ACTIONS = ["read", "write", "admin"] as const;
export type CollectionAction = (typeof COLLECTION_ACTIONS)[number];

/** Undefined of what is none. */
export function parseScope(text: string): Scope | undefined {
  if (text === "cluster" || text === "metrics") return { action: text };
  const match = OF_COLLECTIONS.exec(text);
  return match === null ? undefined : { action: match[1] as CollectionAction, prefix: match[2]! };
}

/** Separated by spaces. What is no scope of ours is somebody else's, and grants nothing here. */
export function parseScopes(text: string): readonly Scope[] {
  const scopes = text.split(" ", SCOPES_MAX).map(parseScope);
  return scopes.filter((scope) => scope !== undefined);
}

export function formatScope(scope: Scope): string {
  return "prefix" in scope ? `${scope.action}:${scope.prefix}` : scope.action;
}

type Scoped = Pick<Identity, "scopes">;

/** @param name of a collection, or of a lease. */
export function may({ scopes }: Scoped, action: CollectionAction, name: string): boolean {
  return scopes.some(
    (scope) => "prefix" in scope && scope.action === action && name.startsWith(scope.prefix),
  );
}

export function mayRead(identity: Scoped, collection: string): boolean {
  return may(identity, "read", collection);
}

export function mayWrite(identity: Scoped, collection: string): boolean {
  return may(identity, "write", collection);
}

export function mayAdminister(identity: Scoped, collection: string): boolean {
  return may(identity, "admin", collection);
}

export function mayRunCluster({ scopes }: Scoped): boolean {
  return scopes.some(({ action }) => action === "cluster");
}

export function mayReadMetrics({ scopes }: Scoped): boolean {
  return scopes.some(({ action }) => action === "metrics" || action === "cluster");
}

/** In some collection, whichever. */
export function mayAnywhere({ scopes }: Scoped, action: CollectionAction): boolean {
  return scopes.some((scope) => scope.action === action);
}

/** Something, in some collection. */
export function mayAnything({ scopes }: Scoped): boolean {
  return scopes.some((scope) => "prefix" in scope);
}

/**
 * Whether its owner may give the scope to somebody else of the same tenant: who runs the cluster may give all, and who
 * administers all of a tenant's collections all that is bound to collections.
 */
export function mayGrant(identity: Scoped, scope: Scope): boolean {
  if (mayRunCluster(identity)) return true;
  return "prefix" in scope && mayAdminister(identity, "");
}
