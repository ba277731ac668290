/** Free ports on the loopback interface, below the range from which the system takes outgoing connections' ports. */
import { createServer } from "node:net";
import { readTextIfPresent } from "./files.ts";

export const LOOPBACK = "127.0.0.1";

const PORT_MIN = 12_000;
const PORT_MAX_WITHOUT_RANGE = 32_767;
const PORTS_PER_PROCESS = 64;
const TRIES_MAX = 2_000;

/** Whether a server could listen on this port of the loopback interface now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Hands out free ports, no port twice. Processes start looking at different places, so that they rarely meet. */
export class PortChooser {
  readonly #taken = new Set<number>();
  #next = (process.pid * PORTS_PER_PROCESS) % (portMax() - PORT_MIN);

  /** Keeps a port that was used before if it is still free, else chooses another. */
  async choose(before?: number): Promise<number> {
    if (before !== undefined && !this.#taken.has(before) && (await isPortFree(before))) {
      this.#taken.add(before);
      return before;
    }
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const port = PORT_MIN + (this.#next++ % (portMax() - PORT_MIN));
      if (!this.#taken.has(port) && (await isPortFree(port))) {
        this.#taken.add(port);
        return port;
      }
    }
    throw new Error(`no free port between ${PORT_MIN} and ${portMax()} on ${LOOPBACK}`);
  }
}

/** A port of the outgoing range could be taken by any connection while its server is being restarted. */
function portMax(): number {
  const range = readTextIfPresent("/proc/sys/net/ipv4/ip_local_port_range");
  const lowest = Number.parseInt(range ?? "", 10);
  return lowest > PORT_MIN + PORTS_PER_PROCESS ? lowest - 1 : PORT_MAX_WITHOUT_RANGE;
}
