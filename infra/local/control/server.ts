/** The control channel of a cluster on one machine: requests on loopback that break and mend it, for whoever has the key. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Static } from "typebox";
import { Compile } from "typebox/compile";
import { FaultError, messageOf } from "../errors.ts";
import { Action } from "../faults/action.ts";
import type { Broken, ClusterFaults } from "../faults/cluster-faults.ts";
import { perform } from "../faults/perform.ts";
import { LOOPBACK } from "../ports.ts";
import {
  FAULTS_PATH,
  KEY_BYTES,
  type ControlAddress,
  type DoneAnswer,
  type ErrorAnswer,
  type FaultsAnswer,
} from "./protocol.ts";

type Answer = FaultsAnswer | Static<typeof DoneAnswer> | Static<typeof ErrorAnswer>;

const BODY_BYTES_MAX = 16 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const PERCENT = 100;
const isAction = Compile(Action);

/** A request that is refused, with the status that says so. */
class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class ControlServer {
  readonly address: ControlAddress;
  readonly #server: Server;

  private constructor(server: Server, address: ControlAddress) {
    this.#server = server;
    this.address = address;
  }

  /**
   * Listens on a port of loopback that the system chooses, with a new key.
   * @param faultsOf undefined as long as the cluster starts: what it starts has to know the address.
   */
  static async open(faultsOf: () => ClusterFaults | undefined): Promise<ControlServer> {
    const key = randomBytes(KEY_BYTES).toString("hex");
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      void answer({ faultsOf, key, request, response });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: 0, host: LOOPBACK }, resolve);
    });
    const { port } = server.address() as AddressInfo;
    return new ControlServer(server, { url: `http://${LOOPBACK}:${port}`, key });
  }

  /** Takes no requests any more, and drops those that wait for their answer. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

interface Exchange {
  readonly faultsOf: () => ClusterFaults | undefined;
  readonly key: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer({ faultsOf, key, request, response }: Exchange): Promise<void> {
  response.on("error", () => undefined);
  try {
    assertKey(request.headers.authorization, key);
    if (request.url !== FAULTS_PATH) {
      throw new Refusal(404, `there is no ${request.url ?? ""} here, only ${FAULTS_PATH}`);
    }
    const faults = faultsOf();
    if (faults === undefined) throw new Refusal(503, "the cluster is starting");
    if (request.method === "GET") {
      send(response, 200, toAnswer(faults.broken));
    } else if (request.method === "POST") {
      const { told, undo } = await perform(faults, parseAction(await readBody(request)));
      send(response, 200, { told, ...(undo === undefined ? {} : { undo }) });
    } else {
      throw new Refusal(405, `${FAULTS_PATH} takes GET and POST`);
    }
  } catch (error) {
    send(response, statusOf(error), { error: messageOf(error) });
  }
}

function statusOf(error: unknown): number {
  if (error instanceof Refusal) {
    return error.status;
  }
  return error instanceof FaultError || error instanceof RangeError ? 409 : 500;
}

function send(response: ServerResponse, status: number, body: Answer): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

function assertKey(header: string | undefined, key: string): void {
  const given = Buffer.from(header ?? "");
  const expected = Buffer.from(`Bearer ${key}`);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new Refusal(401, "the key of the control channel is missing or wrong; it stands in cluster.json");
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) {
      throw new Refusal(413, `a request has at most ${BODY_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseAction(text: string): Action {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Refusal(400, "the request is not JSON");
  }
  if (!isAction.Check(document)) {
    throw new Refusal(400, `this is no action: ${JSON.stringify(document)}`);
  }
  return document;
}

function toAnswer({ links, paused, stopped, flapping }: Broken): FaultsAnswer {
  return {
    links: links.map(({ from, to, fault }) => ({
      from,
      to,
      is_cut: fault.isCut,
      latency_ms: fault.latencyMs,
      jitter_ms: fault.jitterMs,
      loss_percent: fault.lossShare * PERCENT,
    })),
    paused: [...paused],
    stopped: [...stopped],
    ...(flapping === undefined
      ? {}
      : {
          flapping: {
            partition: flapping.partition,
            every_ms: flapping.everyMs,
            moves: flapping.moves,
            ...(flapping.problem === undefined ? {} : { problem: flapping.problem }),
          },
        }),
  };
}
