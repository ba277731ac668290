/**
 * The users of a nats-server, and what each may do. Names and variables can't clash: no region is called in upper case.
 *
 * Each user has two names, `eu.1` and `eu.2`: one is in use, the other has a password that nobody knows, until the
 * password is changed. Then both are valid for a while.
 */
import { closedSubject, subjectOf } from "../../services/adapters/jetstream/stream-config.ts";
import { announcementSubject, subjectOf as busSubject } from "../../services/adapters/nats/bus-message.ts";
import { INBOX, inboxPrefixOf, MAINTENANCE_INBOX } from "../../services/adapters/nats/inbox.ts";

export interface NatsUser {
  readonly name: string;
  /** Of the variable that has the password. */
  readonly variable: string;
  /** Undefined: everything. */
  readonly permissions: Permissions | undefined;
}

export interface Permissions {
  readonly publish: readonly string[];
  /** Of what may be published, what may not. */
  readonly publishDenied: readonly string[];
  readonly subscribe: readonly string[];
}

export const SLOTS = [1, 2] as const;
export type Slot = (typeof SLOTS)[number];

export const ROUTES_USER = "ROUTES";
export const ROUTES_PASSWORD = "FOREBAY_NATS_ROUTES_PASSWORD";
const OPERATOR = "OPERATOR";

export function regionUser(region: string, slot: Slot): NatsUser {
  return {
    name: `${region}.${slot}`,
    variable: `FOREBAY_NATS_PASSWORD_${inVariable(region)}_${slot}`,
    permissions: regionPermissions(region),
  };
}

export function maintenanceUser(slot: Slot): NatsUser {
  return {
    name: `MAINTENANCE.${slot}`,
    variable: `FOREBAY_NATS_MAINTENANCE_PASSWORD_${slot}`,
    permissions: maintenancePermissions(),
  };
}

/** May do everything: for a cluster on one machine, whose faults and tests are ordered by somebody. */
export const operatorUser: NatsUser = {
  name: OPERATOR,
  variable: "FOREBAY_NATS_OPERATOR_PASSWORD",
  permissions: undefined,
};

/** The variable that has the address at which a region's server takes routes, with user and password. */
export function routeVariable(region: string): string {
  return `FOREBAY_NATS_ROUTE_${inVariable(region)}`;
}

function inVariable(region: string): string {
  return region.toUpperCase().replaceAll("-", "_");
}

/** Publishes in its own name, asks everybody, answers and hears what is for it. No stream is made, changed or emptied. */
function regionPermissions(region: string): Permissions {
  return {
    publish: [
      anyOf(subjectOf(0, region), "0"),
      "forebay.bus.*.*",
      anyOf(announcementSubject(region, "topic"), "topic"),
      "$JS.API.STREAM.INFO.*",
      "$JS.API.STREAM.LEADER.STEPDOWN.*",
      "$JS.API.CONSUMER.CREATE.*.*",
      "$JS.API.CONSUMER.DELETE.*.*",
      "$JS.API.CONSUMER.MSG.NEXT.*.*",
      // Answers. Not `allow_responses`: whoever asks itself, and names any subject for the answer, could then publish there.
      `${INBOX}.>`,
    ],
    publishDenied: [`${MAINTENANCE_INBOX}.>`],
    subscribe: [
      `${inboxPrefixOf(region)}.>`,
      anyOf(busSubject(region, "service"), "service"),
      "forebay.announce.*.*",
    ],
  };
}

function maintenancePermissions(): Permissions {
  const acts = ["INFO", "CREATE", "UPDATE", "DELETE", "PURGE", "MSG.GET"];
  return {
    publish: [...acts.map((act) => `$JS.API.STREAM.${act}.*`), anyOf(closedSubject(0), "0")],
    publishDenied: [],
    subscribe: [`${MAINTENANCE_INBOX}.>`],
  };
}

/** The subject with one token left open. */
function anyOf(subject: string, token: string): string {
  const tokens = subject.split(".");
  const index = tokens.lastIndexOf(token);
  return tokens.with(index, "*").join(".");
}
