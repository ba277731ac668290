/** One request of every kind that needs a region's database, and what may be answered while the database is of no use. */
import { PROBLEMS, type ProblemCode } from "../../../services/protocol/http/problems.ts";
import type { Bed } from "./bed.ts";
import { COLLECTION, SCHEMA } from "./load.ts";
import { send, type Answer, type Asked } from "./request.ts";

export const ACCOUNTS = "accounts";
export const ACCOUNTS_SCHEMA = {
  fields: { email: { class: "authoritative", type: "string" }, note: { class: "lww", type: "string" } },
};
const PROBLEM_TYPE = "urn:forebay:problem:";
const OPERATION = "01990000-0000-7000-8000-000000000001";

/** The record of each collection that is asked for, which a test makes before. */
export const KEY = "asked-for";
const local = `/v1/collections/${COLLECTION}/records/${KEY}`;
const ordered = `/v1/collections/${ACCOUNTS}/records/${KEY}`;

export interface Requests {
  readonly [name: string]: Asked & { readonly path: string };
}

export const WRITES: Requests = {
  "local write": { method: "PATCH", path: local, body: { inc: { total: 0 } } },
  "local write that waits": {
    method: "PATCH",
    path: local,
    body: { inc: { total: 0 } },
    headers: { prefer: "wait=committed" },
  },
  "authoritative write": { method: "PATCH", path: ordered, body: { set: { email: "a@b" } } },
  transaction: {
    method: "POST",
    path: "/v1/transactions",
    body: { writes: [{ collection: ACCOUNTS, key: KEY, set: { email: "a@b" } }] },
  },
  lease: { method: "POST", path: "/v1/leases/asked-for", body: { holder: "test", ttl_ms: 1_000 } },
  delete: { method: "DELETE", path: `/v1/collections/${ACCOUNTS}/records/never-made` },
  restore: { method: "POST", path: `/v1/collections/${ACCOUNTS}/records/never-made/restore` },
  schema: { method: "PUT", path: `/v1/collections/${COLLECTION}`, body: SCHEMA },
};

export const READS: Requests = {
  "local read": { method: "GET", path: local },
  "session read": { method: "GET", path: `${local}?consistency=session` },
  "bounded read": { method: "GET", path: `${local}?consistency=bounded&max_staleness_ms=60000` },
  "linearizable read": { method: "GET", path: `${local}?consistency=linearizable` },
  list: { method: "GET", path: `/v1/collections/${COLLECTION}/records` },
  "linearizable list": {
    method: "GET",
    path: `/v1/collections/${COLLECTION}/records?consistency=linearizable`,
  },
  "look at a lease": { method: "GET", path: "/v1/leases/asked-for" },
  conflicts: { method: "GET", path: "/v1/conflicts" },
  operation: { method: "GET", path: `/v1/operations/${OPERATION}?expires_at_ms=4000000000000` },
  collections: { method: "GET", path: "/v1/collections" },
};

export interface Told {
  readonly name: string;
  /** The problem's code; "answered" without one; "nothing" when no answer came in the client's time. */
  readonly code: ProblemCode | "answered" | "nothing" | "undocumented";
  readonly answer: Answer | undefined;
}

/** Sends all of them at once to one region. */
export async function askAll(bed: Bed, region: string, requests: Requests): Promise<Told[]> {
  const { url } = bed.cluster.region(region);
  return Promise.all(
    Object.entries(requests).map(async ([name, { path, ...asked }]) => {
      const answer = await send(`${url}${path}`, asked);
      return { name, code: codeOf(answer), answer };
    }),
  );
}

function codeOf(answer: Answer | undefined): Told["code"] {
  if (answer === undefined) return "nothing";
  if (answer.status < 400) return "answered";
  const code = String(answer.body["type"]).slice(PROBLEM_TYPE.length);
  const isKnown = code in PROBLEMS && PROBLEMS[code as ProblemCode].status === answer.status;
  return isKnown ? (code as ProblemCode) : "undocumented";
}

/** Those that were told something that a client should not be told while the region's database is of no use. */
export function surprises(told: readonly Told[], alsoFine: readonly Told["code"][] = []): Told[] {
  return told.filter(({ code, answer }) => {
    if (alsoFine.includes(code)) return false;
    if (code === "answered" || code === "nothing" || code === "undocumented") return true;
    const { status, retry } = PROBLEMS[code];
    const isHonest = (status === 503 && retry === "same") || (status === 504 && retry === "ask");
    return !isHonest || answer?.retryAfter === undefined;
  });
}
