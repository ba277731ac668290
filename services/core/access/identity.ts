/** Who asks, for whom, and what they may do. A credential is checked once, at the door; from there on this is what is known of it. */

/**
 * What a scope lets its owner do. `cluster` is for whoever runs the cluster: it is bound to no tenant and no collection.
 * `metrics` is for whoever only collects metrics.
 * The others are bound to collections whose names begin with a prefix; the empty prefix is all of them.
 */
export type Scope =
  | { readonly action: "read" | "write" | "admin"; readonly prefix: string }
  | { readonly action: "cluster" | "metrics" };

export interface Identity {
  readonly tenant: string;
  /** Who it is, for the audit trail. */
  readonly actor: string;
  readonly scopes: readonly Scope[];
}

/** Of a process that asks for no credentials: everybody may do everything, as the one tenant that there is. */
export const EVERYBODY: Identity = {
  tenant: "default",
  actor: "anonymous",
  scopes: [
    { action: "read", prefix: "" },
    { action: "write", prefix: "" },
    { action: "admin", prefix: "" },
    { action: "cluster" },
  ],
};
