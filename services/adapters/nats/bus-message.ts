/** What a message of the bus looks like: its subject, and the header that says what became of a request. */
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { assert } from "../../core/assert.ts";

/** `failed` may have taken effect; `refused` certainly has not. */
export type Status = "ok" | "refused" | "failed";

const STATUS_HEADER = "Forebay-Status";
const STATUSES: readonly Status[] = ["ok", "refused", "failed"];
const ANNOUNCEMENTS = "forebay.announce";
const TOKEN = /^[a-z][a-z0-9-]*$/;

/** No stream may store it: the log's subjects begin with `forebay.log.`. */
export function subjectOf(region: string, service: string): string {
  assert(TOKEN.test(region) && TOKEN.test(service), `"${region}" and "${service}" have to be plain names`);
  return `forebay.bus.${region}.${service}`;
}

/** Names who announces, so that a server's permissions can hold a region to its own name. */
export function announcementSubject(region: string, topic: string): string {
  assert(TOKEN.test(region) && TOKEN.test(topic), `"${region}" and "${topic}" have to be plain names`);
  return `${ANNOUNCEMENTS}.${region}.${topic}`;
}

/** Those of all regions. */
export function announcementsSubject(topic: string): string {
  assert(TOKEN.test(topic), `"${topic}" has to be a plain name`);
  return `${ANNOUNCEMENTS}.*.${topic}`;
}

/** @returns undefined for what is not the subject of an announcement. */
export function announcingRegion(subject: string): string | undefined {
  const region = subject.startsWith(`${ANNOUNCEMENTS}.`) ? subject.split(".")[2] : undefined;
  return region !== undefined && TOKEN.test(region) ? region : undefined;
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
