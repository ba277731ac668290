/** Every route of the API with a request that it takes, and what whoever asks has to have. A route that is missing here fails the walk. */

/** Of the collection that the requests name, where it is one of the three; `any` is one of them. */
export type Need = "open" | "any" | "read" | "write" | "admin" | "keys" | "cluster" | "upgrade";

export interface WalkedRoute {
  readonly need: Need;
  readonly path: string;
  readonly body?: object;
  /** Of the body; default JSON. */
  readonly mediaType?: string;
}

const UUID = "01990000-0000-7000-8000-000000000001";
const RECORD = "/v1/collections/secrets/records/marked";

function route(need: Need, path: string, body?: object): WalkedRoute {
  return { need, path, ...(body !== undefined && { body }) };
}

/** By method and path as the document has them. What changes the cluster asks for what does no harm, or is refused. */
export const ROUTES: Readonly<Record<string, WalkedRoute>> = {
  "get /livez": route("open", "/livez"),
  "get /readyz": route("open", "/readyz"),
  "get /openapi.json": route("open", "/openapi.json"),
  // Of a local cluster.
  "get /metrics": route("open", "/metrics"),
  "get /v1/collections": route("any", "/v1/collections"),
  "put /v1/collections/{collection}": route("admin", "/v1/collections/secrets", {
    fields: { name: { class: "lww" }, stock: { class: "merge", kind: "escrow" } },
  }),
  "get /v1/collections/{collection}/records": route("read", "/v1/collections/secrets/records"),
  "get /v1/collections/{collection}/records/{key}": route("read", RECORD),
  "post /v1/collections/{collection}/import": {
    ...route("write", "/v1/collections/secrets/import", { id: "walk", key: "walked", set: { name: "x" } }),
    mediaType: "application/x-ndjson",
  },
  "get /v1/changes": route("read", "/v1/changes?collection=secrets"),
  "get /v1/subscribe": route("upgrade", "/v1/subscribe"),
  "patch /v1/collections/{collection}/records/{key}": route("write", RECORD, { set: { name: "other" } }),
  "delete /v1/collections/{collection}/records/{key}": route("write", `${RECORD}-gone`),
  "post /v1/collections/{collection}/records/{key}/restore": route("write", `${RECORD}/restore`),
  "get /v1/collections/{collection}/records/{key}/history": route("read", `${RECORD}/history`),
  "get /v1/collections/{collection}/records/{key}/escrows": route("read", `${RECORD}/escrows`),
  "post /v1/collections/{collection}/records/{key}/reclaim": route("admin", `${RECORD}/reclaim`, {
    region: "us",
  }),
  "post /v1/transactions": route("write", "/v1/transactions", {
    writes: [{ collection: "secrets", key: "marked", set: { name: "other" } }],
  }),
  "post /v1/leases/{name}": route("write", "/v1/leases/secrets", { holder: "a", ttl_ms: 1_000 }),
  "delete /v1/leases/{name}": route("write", "/v1/leases/secrets?token=1"),
  "get /v1/leases/{name}": route("read", "/v1/leases/secrets"),
  "get /v1/operations/{operation}": route("any", `/v1/operations/${UUID}`),
  "get /v1/conflicts": route("read", "/v1/conflicts?collection=secrets"),
  "post /v1/conflicts/{conflict}/restore": route("write", "/v1/conflicts/0-1-1/restore"),
  "get /v1/api-keys": route("keys", "/v1/api-keys"),
  "post /v1/api-keys": route("keys", "/v1/api-keys", { name: "walk", scopes: ["read:"] }),
  "delete /v1/api-keys/{apiKey}": route("keys", "/v1/api-keys/0123456789abcdef"),
  "get /v1/audit": route("cluster", "/v1/audit"),
  "get /v1/audit/head": route("cluster", "/v1/audit/head"),
  "get /v1/doctor": route("cluster", "/v1/doctor?checks=none"),
  "get /v1/log-level": route("cluster", "/v1/log-level"),
  "put /v1/log-level": route("cluster", "/v1/log-level", { level: "info" }),
  "post /v1/backups": route("cluster", "/v1/backups", { partition: 0 }),
  "get /v1/backups/{backup}/pages": route("cluster", `/v1/backups/${UUID}/pages?part=records`),
  "delete /v1/backups/{backup}": route("cluster", `/v1/backups/${UUID}`),
  "get /v1/members": route("cluster", "/v1/members"),
  "post /v1/members": route("cluster", "/v1/members", { action: "remove", region: "nowhere" }),
  "post /v1/rejoin": route("cluster", "/v1/rejoin", { force: "no" }),
  "post /v1/verify": route("cluster", "/v1/verify", { partition: 0 }),
  "get /v1/verifications": route("cluster", "/v1/verifications"),
  "get /v1/verifications/{verification}": route("cluster", `/v1/verifications/${UUID}`),
  "post /v1/verifications/{verification}/repair": route("cluster", `/v1/verifications/${UUID}/repair`, {
    reason: "walk",
  }),
  "get /v1/repairs": route("cluster", "/v1/repairs"),
  "get /v1/status": route("cluster", "/v1/status"),
  "get /v1/cluster": route("cluster", "/v1/cluster"),
  "get /v1/cluster/history": route("cluster", "/v1/cluster/history"),
  // Who asks is looked at with an upgrade; a plain request is told that it takes one.
  "get /v1/cluster/live": route("upgrade", "/v1/cluster/live"),
  "get /v1/leader": route("cluster", "/v1/leader"),
  "post /v1/leader": route("cluster", "/v1/leader", { region: "nowhere" }),
  "post /v1/drain": route("cluster", "/v1/drain", { force: "no" }),
  "delete /v1/drain": route("cluster", "/v1/drain"),
  "get /v1/log": route("cluster", "/v1/log"),
  "post /v1/log/rebuild": route("cluster", "/v1/log/rebuild", { partition: "none" }),
};
