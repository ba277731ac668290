/** Bounds a server's connections so that probes still find one: near the bound, those on which nothing happens are closed. */
import type { Server } from "node:http";
import type { Socket } from "node:net";

const CROWDED_SHARE = 0.9;
/** Looking for idle connections takes time in proportion to all of them. */
const CLEAR_EVERY_MS = 500;

export function boundConnections(
  server: Server,
  { connectionsMax, onDropped }: { connectionsMax: number; onDropped: () => void },
): void {
  let open = 0;
  let clearedAtMs = Number.NEGATIVE_INFINITY;
  server.maxConnections = connectionsMax;
  server.on("drop", onDropped);
  server.on("connection", (socket: Socket) => {
    open += 1;
    socket.once("close", () => (open -= 1));
    if (open < connectionsMax * CROWDED_SHARE) return;
    const nowMs = performance.now();
    if (nowMs - clearedAtMs < CLEAR_EVERY_MS) return;
    clearedAtMs = nowMs;
    server.closeIdleConnections();
  });
}
