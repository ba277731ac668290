/**
 * The door of the HTTP server: every request passes it before the framework sees it, since refusing must cost far less
 * than serving. Behind it `addRoute` says when the work of a request is done, which may be after its client has gone.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { RequestClass } from "../../core/admission/door.ts";
import { BODY_BYTES_MAX, IMPORT_BYTES_MAX } from "../../protocol/http/headers.ts";
import { Ticket, type Admission } from "../admission/admission.ts";
import { RefusalPacer } from "./refusal-pacer.ts";

const TICKET = Symbol("ticket");

/** A request with its place in the process. */
interface Ticketed extends IncomingMessage {
  [TICKET]?: HandledTicket;
}

/** Left when the handler is through; by a request that no handler takes, when its connection is through with it. */
class HandledTicket {
  readonly ticket: Ticket;
  isHandled = false;
  isRefused = false;

  constructor(ticket: Ticket) {
    this.ticket = ticket;
  }
}

export interface Door {
  /** Calls the listener for requests that are taken on. */
  guard(listener: RequestListener): RequestListener;
  /** Of a request that was taken on before it was known whose it is. @returns whether it may go on; else it is answered. */
  readonly arrived: (request: IncomingMessage, response: ServerResponse, tenant: string) => boolean;
  /** Answers all that are held, and holds no more. */
  close(): void;
}

export interface DoorOptions {
  readonly admission: Admission;
  /** Whose request it is, as far as that can be told at once. */
  readonly tenantOf: (request: IncomingMessage) => string;
  /** When a tenant may come again that sends too many; undefined where it may now. */
  readonly rateOf?: (tenant: string) => number | undefined;
  /** Connections are short. */
  readonly isCrowded: () => boolean;
}

export function openDoor({ admission, tenantOf, rateOf, isCrowded }: DoorOptions): Door {
  const pacer = new RefusalPacer(isCrowded);
  return {
    guard: (listener) => (request, response) => {
      const kind = classOf(request.method, request.url ?? "");
      const tenant = tenantOf(request);
      const retryAfterMs = kind === "vital" ? undefined : rateOf?.(tenant);
      const entered =
        retryAfterMs === undefined
          ? admission.enter(kind, tenant, placesOf(request))
          : admission.tooOften(kind, retryAfterMs);
      if (!(entered instanceof Ticket)) {
        pacer.refuse(request, response, entered);
        return;
      }
      const handled = new HandledTicket(entered);
      (request as Ticketed)[TICKET] = handled;
      response.once("close", () => {
        // Probes come also where no work is done.
        if (kind !== "vital" && !handled.isRefused) pacer.answered();
        if (!handled.isHandled) handled.ticket.leave();
      });
      listener(request, response);
    },
    arrived: (request, response, tenant) => {
      const handled = (request as Ticketed)[TICKET];
      if (handled === undefined) return true;
      const kind = classOf(request.method, request.url ?? "");
      const retryAfterMs = kind === "vital" ? undefined : rateOf?.(tenant);
      const refusal =
        retryAfterMs === undefined
          ? handled.ticket.belongsTo(tenant, kind)
          : admission.tooOften(kind, retryAfterMs);
      if (refusal === undefined) return true;
      handled.isRefused = true;
      handled.ticket.leave();
      pacer.refuse(request, response, refusal);
      return false;
    },
    close: () => pacer.close(),
  };
}

/** The request's ticket from when its handler begins, which has to end it; undefined where there is no door. */
export function takeTicket(request: IncomingMessage): Ticket | undefined {
  const handled = (request as Ticketed)[TICKET];
  if (handled === undefined) return undefined;
  handled.isHandled = true;
  return handled.ticket;
}

/** The request's ticket, for who knows that it waits. */
export function ticketOf(request: IncomingMessage): Ticket | undefined {
  return (request as Ticketed)[TICKET]?.ticket;
}

const VITAL =
  /^\/(?:livez|readyz|metrics|openapi\.json|reference|v1\/(?:status|doctor|log-level|chaos|cluster(?:\/history|\/live)?)|console(?:\/[^?]*)?)(?:$|[?])/;
/** What an operator does about an overload must not be kept out by it. */
const ORDERS =
  /^\/v1\/(?:chaos|drain|leader|members|rejoin|log\/rebuild|verify|backups|backups\/[^/?]+|verifications\/[^/?]+\/repair)(?:$|[?])/;
const IMPORT = /^\/v1\/collections\/[^/?]+\/import(?:$|[?])/;
const LOG_LEVEL = /^\/v1\/log-level(?:$|[?])/;
const OF_THE_LOG = "consistency=linearizable";

/** Of an import, by the bytes that are to come: they are in memory before its lines can be counted. */
function placesOf({ method, url = "", headers }: IncomingMessage): number {
  if (method !== "POST" || !IMPORT.test(url)) return 1;
  const told = Number(headers["content-length"] ?? IMPORT_BYTES_MAX);
  const bytes = Number.isFinite(told) ? Math.min(Math.max(told, 1), IMPORT_BYTES_MAX) : IMPORT_BYTES_MAX;
  return Math.ceil(bytes / BODY_BYTES_MAX);
}

/** By method and URL alone: the rest of the request has not been read. */
export function classOf(method: string | undefined, url: string): RequestClass {
  switch (method) {
    case "GET":
    case "HEAD":
      if (VITAL.test(url)) return "vital";
      return url.includes(OF_THE_LOG) ? "ordered" : "read";
    case "PATCH":
      return "write";
    case "PUT":
      return LOG_LEVEL.test(url) ? "vital" : "ordered";
    case "POST":
      if (IMPORT.test(url)) return "write";
      return ORDERS.test(url) ? "vital" : "ordered";
    case "DELETE":
      return ORDERS.test(url) ? "vital" : "ordered";
    default:
      return "ordered";
  }
}
