/** The composition's nats-servers, as they are configured there, let in who verifies them and nobody in clear. */
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareComposition } from "../../../infra/compose/prepare.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { connectOptions, type NatsAddress } from "../../../services/adapters/nats/address.ts";
import { inboxPrefixOf } from "../../../services/adapters/nats/inbox.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { readTopology } from "../../../services/runtime/topology.ts";
import { readComposition } from "../../images/compose-rules.ts";
import { composedConfig } from "../../images/composed-region.ts";
import { startComposedCluster, type ComposedCluster } from "./composed-cluster.ts";

const UNSIGNED = /self-signed|unable to (get|verify)/;
const ANSWER_TIMEOUT_MS = 10_000;

const composition = readComposition(
  readFileSync(join(packageRoot(), "infra/compose/three-regions.yaml"), "utf8"),
);
const topology = readTopology(join(packageRoot(), "regions/local.yaml"));
const regions = topology.regions.map(({ name }) => name);
const folder = makeTemporaryFolder("composed-nats");
const prepared = join(folder.path, "prepared");
const pathOf = (name: string) => join(prepared, name);

let cluster: ComposedCluster;

beforeAll(async () => {
  await prepareComposition({ folder: prepared, topology });
  cluster = await startComposedCluster({ composition, regions, prepared, folder: folder.path });
}, 120_000);

afterAll(async () => {
  await cluster?.close();
  folder.remove();
});

/** As region processes are told, but for where the server is. */
function addressOf(region: string, host = "localhost"): NatsAddress {
  const { nats } = composedConfig(composition, region, {
    prepared,
    root: join(folder.path, `told-${region}`),
  });
  const url = new URL(nats.url);
  return { ...nats, url: `${url.protocol}//${host}:${cluster.portsOf(region).client}` };
}

/** @returns "connected", or why not. */
async function attempt(region: string, address: NatsAddress): Promise<string> {
  try {
    const client = await connect({
      ...connectOptions(address),
      inboxPrefix: inboxPrefixOf(region),
      reconnect: false,
      ignoreClusterUpdates: true,
    });
    await client.flush();
    const { connections } = (await cluster.ask(region, "/connz")) as {
      connections: { tls_version?: string }[];
    };
    await client.close();
    return connections.every(({ tls_version: version }) => version !== undefined) ? "connected" : "in clear";
  } catch (error) {
    return `${String(error)} ${String((error as Error).cause)}`;
  }
}

/** What comes after the words, until the server ends the connection or the text is there. */
function answerTo(socket: Socket, words: string, awaited: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const end = () => {
      socket.destroy();
      resolve(said);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, end);
    socket.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      if (awaited.test(said)) end();
    });
    socket.on("error", (error) => (said += String(error)));
    socket.on("close", end);
    socket.write(words);
  });
}

describe("clients", () => {
  it("come in where they trust the authority, in every region", async () => {
    for (const region of regions) expect(await attempt(region, addressOf(region))).toBe("connected");
  });

  it("don't where they don't trust it, or the server is not whom they have dialled", async () => {
    expect(await attempt("eu", { ...addressOf("eu"), tls: {} })).toMatch(UNSIGNED);
    expect(await attempt("eu", addressOf("eu", "127.0.0.1"))).toMatch(/does not match|altnames/);
  });

  it("are refused in clear, with the right password", async () => {
    const [user, password] = readFileSync(pathOf("nats_user_eu"), "utf8").trim().split(":");
    const words = `CONNECT ${JSON.stringify({ user, pass: password, verbose: false, lang: "x", version: "1" })}\r\nPING\r\n`;
    const socket = createConnection(cluster.portsOf("eu").client, "127.0.0.1");
    const said = await answerTo(socket, words, /PONG/);
    expect(said).toContain('"tls_required":true');
    expect(said).not.toContain("PONG");
  });
});

describe("routes", () => {
  const hears = (options: ConnectionOptions) => {
    const { routes: port } = cluster.portsOf("us");
    const ca = readFileSync(pathOf("ca.pem"));
    return answerTo(connectTls({ port, host: "localhost", ca, ...options }), "\r\n", /INFO/);
  };

  it("are encrypted, and ask the other side for a certificate", async () => {
    for (const region of regions)
      expect((await cluster.ask(region, "/varz"))["cluster"]).toMatchObject({
        tls_required: true,
        tls_verify: true,
      });
  });

  it("are for servers that the authority has signed for", async () => {
    const cert = readFileSync(pathOf("nats_certificate_eu"));
    const key = readFileSync(pathOf("nats_key_eu"));
    expect(await hears({ cert, key })).toMatch(/^INFO \{/);
    expect(await hears({})).not.toContain("INFO");
  });
});

describe("new certificates", () => {
  it("are shown by one restarted server after the other, while the others show the former", async () => {
    const before = await Promise.all(regions.map(shownBy));
    await prepareComposition({ folder: prepared, topology, isRenewal: true });
    await cluster.restart("eu");
    await cluster.waitUntilWhole();
    const after = await Promise.all(regions.map(shownBy));
    expect(after.map((shown, index) => shown === before[index])).toEqual(
      regions.map((name) => name !== "eu"),
    );
    for (const region of regions) expect(await attempt(region, addressOf(region))).toBe("connected");
  }, 120_000);
});

/** The fingerprint of its certificate, as the routes' port shows it. */
function shownBy(region: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      port: cluster.portsOf(region).routes,
      host: "localhost",
      ca: readFileSync(pathOf("ca.pem")),
    });
    socket.on("secureConnect", () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
