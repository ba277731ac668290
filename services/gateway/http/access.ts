/** What each route needs of whoever asks, and the one place that looks whether it is there. */
import type { IncomingMessage } from "node:http";
import type { Identity } from "../../core/access/identity.ts";
import {
  may,
  mayAdminister,
  mayAnything,
  mayAnywhere,
  mayReadMetrics,
  mayRunCluster,
  type CollectionAction,
} from "../../core/access/scope.ts";
import { GatewayError } from "../errors.ts";
import { identityOf } from "./identity.ts";

/**
 * none: nobody is asked. any: some scope of the tenant; the handler answers no more than that allows. keys: to run the
 * cluster, or to administer all of the tenant. read, write, admin: of what the path parameter `of` names; without `of` of
 * some collection, and the handler checks those that the request turns out to name (`checkMay`).
 */
export type Access =
  | { readonly action: "none" | "any" | "cluster" | "metrics" | "keys" }
  | { readonly action: CollectionAction; readonly of?: "collection" | "name" };

declare module "fastify" {
  interface FastifyContextConfig {
    /** The server does not start with a route that lacks it. */
    access?: Access;
  }
}

/** Asks who it is. @throws {GatewayError} of `Authentication.check`. */
export interface Authenticated {
  check(request: IncomingMessage): Identity;
}

/** @throws {GatewayError} unauthenticated and the like, forbidden. */
export function authorize(
  request: { readonly raw: IncomingMessage; readonly params: unknown },
  access: Access,
  authentication: Authenticated | undefined,
): void {
  if (access.action === "none") return;
  const identity = authentication === undefined ? identityOf(request.raw) : authentication.check(request.raw);
  if (!isAllowed(identity, access, request.params)) throw forbidden(scopeText(access, request.params));
}

/** @throws {GatewayError} forbidden. */
export function checkMay(request: IncomingMessage, action: CollectionAction, collection: string): void {
  if (!may(identityOf(request), action, collection)) throw forbidden(`${action}:${collection}`);
}

function isAllowed(identity: Identity, access: Access, params: unknown): boolean {
  switch (access.action) {
    case "none":
      return true;
    case "any":
      return mayAnything(identity) || mayRunCluster(identity);
    case "cluster":
      return mayRunCluster(identity);
    case "metrics":
      return mayReadMetrics(identity);
    case "keys":
      return mayRunCluster(identity) || mayAdminister(identity, "");
    case "read":
    case "write":
    case "admin":
      return access.of === undefined
        ? mayAnywhere(identity, access.action)
        : may(identity, access.action, nameIn(params, access.of));
  }
}

function nameIn(params: unknown, of: "collection" | "name"): string {
  return (params as Readonly<Record<string, string>>)[of]!;
}

function scopeText(access: Access, params: unknown): string {
  switch (access.action) {
    case "none":
    case "any":
      return "read:";
    case "keys":
      return "admin:";
    case "cluster":
    case "metrics":
      return access.action;
    case "read":
    case "write":
    case "admin":
      return `${access.action}:${access.of === undefined ? "" : nameIn(params, access.of)}`;
  }
}

/** What a document says of a route: the scopes that it takes, with the parameter that they depend on in braces. */
export function documentedScopes(access: Access): readonly string[] {
  switch (access.action) {
    case "none":
      return [];
    case "any":
      return ["read:*", "write:*", "admin:*", "cluster"];
    case "keys":
      return ["admin:", "cluster"];
    case "cluster":
      return ["cluster"];
    case "metrics":
      return ["metrics", "cluster"];
    case "read":
    case "write":
    case "admin":
      return [`${access.action}:${access.of === undefined ? "*" : `{${access.of}}`}`];
  }
}

/** Names come from the path, and go into a header. */
function forbidden(wanted: string): GatewayError {
  const scope = /^[\x21\x23-\x5b\x5d-\x7e]{1,80}$/.test(wanted) ? wanted : wanted.split(":", 1)[0]! + ":";
  return new GatewayError("forbidden", `the credential lacks the scope "${scope}"`, { scope });
}
