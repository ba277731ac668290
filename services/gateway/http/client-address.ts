/**
 * Where a request comes from. Behind proxies of ours that is what the outermost of them has seen: each adds the address of whom
 * it serves at the end of X-Forwarded-For, and what stands before that anybody may have written.
 */
import type { IncomingMessage, Server } from "node:http";

const ADDRESS = Symbol("address");
/** As long as an IPv6 address with a zone can be. */
const ADDRESS_LENGTH_MAX = 64;

interface Addressed extends IncomingMessage {
  [ADDRESS]?: string;
}

/** @param proxies of ours in front of the server: 0 where clients connect to it. */
export function noteAddresses(server: Server, proxies: number): Server {
  if (proxies === 0) return server;
  const note = (request: Addressed) => {
    const forwarded = forwardedAddress(request, proxies);
    if (forwarded !== undefined) request[ADDRESS] = forwarded;
  };
  return server.prependListener("request", note).prependListener("upgrade", note);
}

export function addressOf(request: IncomingMessage): string {
  return (request as Addressed)[ADDRESS] ?? request.socket?.remoteAddress ?? "unknown";
}

/** Undefined where fewer have passed it on than there are: then it comes from within. */
function forwardedAddress({ headers }: IncomingMessage, proxies: number): string | undefined {
  const given = headers["x-forwarded-for"];
  const text = Array.isArray(given) ? given.join(",") : given;
  const address = text?.split(",").at(-proxies)?.trim();
  return address === undefined || address === "" ? undefined : address.slice(0, ADDRESS_LENGTH_MAX);
}
