/** What a region's credential can't do on real servers, and that being refused is told at once. */
import { jetstreamManager, type JetStreamManager, type StreamState } from "@nats-io/jetstream";
import { connect, errors, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import { connectOptions } from "../../../services/adapters/nats/address.ts";
import { inboxPrefixOf, MAINTENANCE_INBOX } from "../../../services/adapters/nats/inbox.ts";
import { LogUnavailableError, PublishTimeoutError } from "../../../services/ports/global-log.ts";
import { asRegion } from "../jetstream/bed.ts";
import { openBusBed, type NatsBusBed } from "./bus-bed.ts";
import { eventually } from "./eventually.ts";
import { startNatsCluster } from "./nats-cluster.ts";

const STREAM = "FOREBAY_LOG_0";

let bed: NatsBusBed;
/** With the credential of region eu. */
let eu: NatsConnection;
let manager: JetStreamManager;

beforeAll(async () => {
  bed = await openBusBed();
  const log = await openJetStreamLog({ ...asRegion(bed.cluster, "eu"), streamReplicas: 3 });
  await log.ensureStream(0);
  await log.publish({ partition: 0, origin: "eu", data: Buffer.from("first"), timeoutMs: 5_000 });
  await log.close();
  eu = await connectAs("eu");
  manager = await jetstreamManager(eu, { checkAPI: false });
}, 120_000);

afterAll(async () => {
  await eu.close();
  await bed.close();
});

function connectAs(region: string): Promise<NatsConnection> {
  const { regionUrl: url } = bed.cluster.server(region);
  return connect({
    ...connectOptions({ url }),
    inboxPrefix: inboxPrefixOf(region),
    ignoreClusterUpdates: true,
  });
}

/** The server's refusal, wherever the library has put it. */
async function refusalOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    const refusal = error instanceof errors.PermissionViolationError ? error : (error as Error).cause;
    if (refusal instanceof errors.PermissionViolationError) return `${refusal.operation} ${refusal.subject}`;
    throw error;
  }
  return "allowed";
}

async function hear(subject: string): Promise<void> {
  const subscription = eu.subscribe(subject, { max: 1 });
  await eu.flush();
  for await (const message of subscription) throw new Error(`heard ${message.subject}`);
}

/** Nothing has come to the log, and nothing has gone from it. */
async function expectUnchanged(before: StreamState): Promise<void> {
  const { state } = await manager.streams.info(STREAM);
  expect(state).toMatchObject({ first_seq: before.first_seq, last_seq: before.last_seq });
  expect(state.messages).toBe(before.messages);
}

describe("a region's credential", () => {
  it.each([
    ["publish as another region", "forebay.log.0.us"],
    ["announce as another region", "forebay.announce.us.report"],
    ["write to a log that is made anew", "forebay.rebuild.0"],
    ["speak on the bus of no region", "forebay.bus.us.echo.more"],
    ["forge an answer to the maintenance", "_INBOX.MAINTENANCE.x"],
    ["purge the log", `$JS.API.STREAM.PURGE.${STREAM}`],
    ["delete the log", `$JS.API.STREAM.DELETE.${STREAM}`],
    ["delete an entry", `$JS.API.STREAM.MSG.DELETE.${STREAM}`],
    ["change the log's settings", `$JS.API.STREAM.UPDATE.${STREAM}`],
    ["make a stream", "$JS.API.STREAM.CREATE.OTHER"],
    ["remove a server from the log", `$JS.API.STREAM.PEER.REMOVE.${STREAM}`],
    ["move the metadata's leader", "$JS.API.META.LEADER.STEPDOWN"],
    ["list whose consumers there are", `$JS.API.CONSUMER.NAMES.${STREAM}`],
    ["administer servers", "$SYS.REQ.SERVER.PING"],
  ])("can't %s", async (_what, subject) => {
    expect(await refusalOf(() => eu.request(subject, "{}", { timeout: 5_000 }))).toBe(`publish ${subject}`);
  });

  it.each([
    ["another region's answers", "_INBOX.us.>"],
    ["everybody's answers", "_INBOX.>"],
    ["questions to another region", "forebay.bus.us.*"],
    ["what is published, past the log", "forebay.log.>"],
    ["everything", ">"],
    ["advisories", "$JS.EVENT.>"],
  ])("can't hear %s", async (_what, subject) => {
    expect(await refusalOf(() => hear(subject))).toBe(`subscription ${subject}`);
  });

  // A server that lets whoever is asked answer lets whoever asks itself publish anywhere.
  it.each([
    ["forge another region's entry", "forebay.log.0.us"],
    ["write to a log that is made anew", "forebay.rebuild.0"],
    ["purge the log", `$JS.API.STREAM.PURGE.${STREAM}`],
    ["delete an entry", `$JS.API.STREAM.MSG.DELETE.${STREAM}`],
    ["delete the log", `$JS.API.STREAM.DELETE.${STREAM}`],
  ])("can't %s by answering a question of its own", async (_what, reply) => {
    const before = (await manager.streams.info(STREAM)).state;
    const questions = eu.subscribe("forebay.bus.eu.self", { max: 1 });
    eu.publish("forebay.bus.eu.self", "", { reply });
    for await (const question of questions) question.respond("");
    await eu.flush();
    await expectUnchanged(before);
  });

  it("gets no answer from another region's process to anywhere but an inbox", async () => {
    const us = bed.startProcess("us");
    await us.connect();
    us.bus.serve("echo", async (data) => data);
    await eventually("it is served", () => eu.request("forebay.bus.us.echo", "a", { timeout: 1_000 }));
    const before = (await manager.streams.info(STREAM)).state.last_seq;
    // The other region could publish there.
    eu.publish("forebay.bus.us.echo", "forged", { reply: "forebay.log.0.us" });
    await eu.request("forebay.bus.us.echo", "b", { timeout: 5_000 });
    expect((await manager.streams.info(STREAM)).state.last_seq).toBe(before);
  });
});

describe("nobody", () => {
  it.each([
    ["without a name", undefined],
    ["with a wrong password", { user: "eu.1", pass: "wrong" }],
    ["with the name that is not in use", { user: "eu.2", pass: "" }],
    ["with another region's password", "us" as const],
    ["with the account of the server's own", { user: "admin", pass: "admin" }],
  ])("connects %s", async (_what, credentials) => {
    const { port, hostname } = new URL(bed.cluster.server("eu").address);
    const { username, password } = new URL(bed.cluster.server("us").regionUrl);
    const given = typeof credentials === "string" ? { user: username, pass: password } : credentials;
    const connecting = connect({ servers: `${hostname}:${port}`, reconnect: false, ...given });
    await expect(connecting).rejects.toBeInstanceOf(errors.AuthorizationError);
  });
});

describe("the log without the maintenance user", () => {
  it("tells at once that it may not trim", async () => {
    const { maintenance: _, ...without } = asRegion(bed.cluster, "eu");
    const log = await openJetStreamLog({ ...without, streamReplicas: 3 });
    const { createdAtMs } = await log.inspect(0);
    await log.publish({ partition: 0, origin: "eu", data: Buffer.from("second"), timeoutMs: 5_000 });
    const refused = await log.trim({ partition: 0, createdAtMs, below: 2 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LogUnavailableError);
    expect(String(refused)).toContain("Permissions Violation");
    await log.close();
  });

  it("does not hang on a publish as another region, and does not take it for stored", async () => {
    const log = await openJetStreamLog({ ...asRegion(bed.cluster, "eu"), streamReplicas: 3 });
    const publishing = log.publish({ partition: 0, origin: "us", data: Buffer.from("x"), timeoutMs: 60_000 });
    const refused = await publishing.catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PublishTimeoutError);
    expect(String(refused)).toContain('Permissions Violation for Publish to "forebay.log.0.us"');
    await log.close();
  });
});

it("an entry that a consumer is made to send on to another log keeps its subject there", async () => {
  const cluster = await startNatsCluster(["eu"]);
  onTestFinished(() => cluster.close());
  const { regionUrl: url, maintenanceUrl } = cluster.server("eu");
  const log = await openJetStreamLog({ ...asRegion(cluster, "eu"), streamReplicas: 1 });
  onTestFinished(() => log.close());
  for (const partition of [0, 1]) await log.ensureStream(partition);
  const client = await connect({ ...connectOptions({ url }), inboxPrefix: inboxPrefixOf("eu") });
  onTestFinished(() => client.close());
  // Without naming the stream that it is for, as the adapter does: then no other would take it.
  await client.request("forebay.log.0.eu", "forged", { timeout: 5_000 });
  const { consumers } = await jetstreamManager(client, { checkAPI: false });
  await consumers.add(STREAM, { name: "eu-forger", ack_policy: "none", mem_storage: true });
  // The server delivers wherever it is asked to, and wants no permission for that.
  const asked = JSON.stringify({ batch: 1, no_wait: true });
  client.publish(`$JS.API.CONSUMER.MSG.NEXT.${STREAM}.eu-forger`, asked, { reply: "forebay.log.1.us" });
  const reader = await connect({
    ...connectOptions({ url: maintenanceUrl }),
    inboxPrefix: MAINTENANCE_INBOX,
  });
  onTestFinished(() => reader.close());
  const { streams } = await jetstreamManager(reader, { checkAPI: false });
  const stored = await eventually(
    "it was stored",
    async () => (await streams.getMessage("FOREBAY_LOG_1", { seq: 1 })) ?? undefined,
  );
  expect(stored).toMatchObject({ subject: "forebay.log.0.eu" });
});

it("an empty entry that a consumer is made to send on as an order to the server is none", async () => {
  const cluster = await startNatsCluster(["eu"]);
  onTestFinished(() => cluster.close());
  const log = await openJetStreamLog({ ...asRegion(cluster, "eu"), streamReplicas: 1 });
  onTestFinished(() => log.close());
  await log.ensureStream(0);
  const { regionUrl: url } = cluster.server("eu");
  const client = await connect({ ...connectOptions({ url }), inboxPrefix: inboxPrefixOf("eu") });
  onTestFinished(() => client.close());
  const { consumers, streams } = await jetstreamManager(client, { checkAPI: false });
  for (const data of ["", "", "", "last"]) await client.request("forebay.log.0.eu", data, { timeout: 5_000 });
  await consumers.add(STREAM, { name: "eu-forger", ack_policy: "none", mem_storage: true });
  const next = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.eu-forger`;
  const asked = JSON.stringify({ batch: 1, no_wait: true });
  for (const act of ["PURGE", "MSG.DELETE", "DELETE"]) {
    client.publish(next, asked, { reply: `$JS.API.STREAM.${act}.${STREAM}` });
  }
  // What comes after them has come: they were sent on before.
  const inbox = `${inboxPrefixOf("eu")}.after`;
  const after = client.subscribe(inbox, { max: 1 });
  client.publish(next, asked, { reply: inbox });
  for await (const message of after) expect(message.string()).toBe("last");
  await client.request("forebay.log.0.eu", "more", { timeout: 5_000 });
  expect((await streams.info(STREAM)).state).toMatchObject({ first_seq: 1, last_seq: 5, messages: 5 });
});
