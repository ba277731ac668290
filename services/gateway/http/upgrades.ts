/**
 * Which requests may turn into something else than HTTP: those for one WebSocket, and no others. Clients offer upgrades that
 * nobody has to take (`Upgrade: h2c` comes with every first request of some): those are served as if they did not.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";

/** Headers that only speak of the upgrade. */
const OF_UPGRADES = /^(?:upgrade|http2-settings)$/i;

/**
 * Node hands every request that offers an upgrade over as soon as somebody listens for one, past the door.
 * @returns what hears of upgrades to the path alone.
 */
export function admitUpgrades(server: Server, path: string): Server {
  const admitted = createServer();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isFor(request, path)) admitted.emit("upgrade", request, socket, head);
    else serveWithoutUpgrade(server, request, { socket, head });
  });
  return admitted;
}

function isFor({ method, url = "", headers }: IncomingMessage, path: string): boolean {
  const isWebSocket = headers.upgrade?.toLowerCase() === "websocket";
  return method === "GET" && isWebSocket && url.split("?", 1)[0] === path;
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
