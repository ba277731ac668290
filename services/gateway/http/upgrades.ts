/**
 * Which requests may turn into something else than HTTP: those for the WebSockets that there are, and no others. Clients offer upgrades that
 * nobody has to take (`Upgrade: h2c` comes with every first request of some): those are served as if they did not.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";

/** Headers that only speak of the upgrade. */
const OF_UPGRADES = /^(?:upgrade|http2-settings)$/i;

/** Node hands every request that offers an upgrade over as soon as somebody listens for one, past the door. */
export class Upgrades {
  readonly #admitted = new Map<string, Server>();

  constructor(server: Server) {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const admitted = isWebSocket(request) ? this.#admitted.get(pathOf(request)) : undefined;
      if (admitted !== undefined) admitted.emit("upgrade", request, socket, head);
      else serveWithoutUpgrade(server, request, { socket, head });
    });
  }

  /** What hears of upgrades to the path alone. */
  to(path: string): Server {
    const admitted = createServer();
    this.#admitted.set(path, admitted);
    return admitted;
  }
}

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0]!;
}

/** The request goes back to where it came from, without the offer: node reads it again, and all that follows it. */
function serveWithoutUpgrade(
  server: Server,
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  { socket, head }: { socket: Duplex; head: Buffer },
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]!, rawHeaders[at + 1]!];
    if (OF_UPGRADES.test(name)) continue;
    lines.push(`${name}: ${name.toLowerCase() === "connection" ? withoutUpgrades(value) : value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}

/** What else is said of the connection stays, such as that it is to be closed. */
function withoutUpgrades(connection: string): string {
  const tokens = connection.split(",").map((token) => token.trim());
  return tokens.filter((token) => !OF_UPGRADES.test(token)).join(", ");
}
