/** Whose request it is: set once, before its handler, and asked for wherever a tenant or an actor is needed. */
import type { IncomingMessage } from "node:http";
import { EVERYBODY, type Identity } from "../../core/access/identity.ts";

const IDENTITY = Symbol("identity");

interface Identified extends IncomingMessage {
  [IDENTITY]?: Identity;
}

export function identify(request: IncomingMessage, identity: Identity): void {
  (request as Identified)[IDENTITY] = identity;
}

/** Of a request that nobody was asked about: everybody's. */
export function identityOf(request: IncomingMessage): Identity {
  return (request as Identified)[IDENTITY] ?? EVERYBODY;
}
