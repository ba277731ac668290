/** What a message of the bus looks like: its subject, and the header that says what became of a request. */
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { assert } from "../../core/assert.ts";

/** `failed` may have taken effect; `refused` certainly has not. */
export type Status = "ok" | "refused" | "failed";

const STATUS_HEADER = "Forebay-Status";
const STATUSES: readonly Status[] = ["ok", "refused", "failed"];
const TOKEN = /^[a-z][a-z0-9-]*$/;

/** No stream may store it: the log's subjects begin with `forebay.log.`. */
export function subjectOf(region: string, service: string): string {
  assert(TOKEN.test(region) && TOKEN.test(service), `"${region}" and "${service}" have to be plain names`);
  return `forebay.bus.${region}.${service}`;
}

export function statusHeaders(status: Status): MsgHdrs {
  const made = headers();
  made.set(STATUS_HEADER, status);
  return made;
}

/** @returns undefined for what is not an answer of the bus. */
export function parseStatus(received: MsgHdrs | undefined): Status | undefined {
  const value = received?.get(STATUS_HEADER);
  return STATUSES.find((status) => status === value);
}
