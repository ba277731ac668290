/**
 * The door of the HTTP server: every request passes it before the framework sees it, since refusing must cost far less
 * than serving. Behind it `addRoute` says when the work of a request is done, which may be after its client has gone.
 */
import type { IncomingMessage, RequestListener } from "node:http";
import type { RequestClass } from "../../core/admission/door.ts";
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

  constructor(ticket: Ticket) {
    this.ticket = ticket;
  }
}

export interface Door {
  /** Calls the listener for requests that are taken on. */
  guard(listener: RequestListener): RequestListener;
  /** Answers all that are held, and holds no more. */
  close(): void;
}

export interface DoorOptions {
  readonly admission: Admission;
  /** Whose requests they are. */
  readonly tenant: string;
  /** Connections are short. */
  readonly isCrowded: () => boolean;
}

export function openDoor({ admission, tenant, isCrowded }: DoorOptions): Door {
  const pacer = new RefusalPacer(isCrowded);
  return {
    guard: (listener) => (request, response) => {
      const kind = classOf(request.method, request.url ?? "");
      const entered = admission.enter(kind, tenant);
      if (!(entered instanceof Ticket)) {
        pacer.refuse(request, response, entered);
        return;
      }
      const handled = new HandledTicket(entered);
      (request as Ticketed)[TICKET] = handled;
      response.once("close", () => {
        // Probes come also where no work is done.
        if (kind !== "vital") pacer.answered();
        if (!handled.isHandled) handled.ticket.leave();
      });
      listener(request, response);
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
  /^\/(?:livez|readyz|metrics|openapi\.json|v1\/(?:status|doctor|log-level|chaos|cluster(?:\/history|\/live)?)|console(?:\/[^?]*)?)(?:$|[?])/;
/** What an operator does about an overload must not be kept out by it. */
const ORDERS =
  /^\/v1\/(?:chaos|drain|leader|members|rejoin|log\/rebuild|verify|backups|backups\/[^/?]+|verifications\/[^/?]+\/repair)(?:$|[?])/;
const LOG_LEVEL = /^\/v1\/log-level(?:$|[?])/;
const OF_THE_LOG = "consistency=linearizable";

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
    case "DELETE":
      return ORDERS.test(url) ? "vital" : "ordered";
    default:
      return "ordered";
  }
}
