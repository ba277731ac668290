/** Whether a request was sent by a page of this server, or to a name of this machine: browsers send for any page, to any name. */
import type { IncomingHttpHeaders } from "node:http";

const LOCAL_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);
const PORT = /:\d*$/;

/** A page of another site that has its own name resolve to this machine sends that name. */
export function isForLocalName({ host = "" }: IncomingHttpHeaders): boolean {
  return LOCAL_NAMES.has(host.toLowerCase().replace(PORT, ""));
}

/** WebSockets of any page are let through by browsers, which only tell whose they are; other clients tell nothing. */
export function isFromOwnPage({ origin, host = "" }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return true;
  const own = hostOf(origin);
  // By the page's scheme, so that its default port is left out of both.
  return own !== undefined && own === hostOf(`${origin.split("://", 1)[0]}://${host}`);
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
