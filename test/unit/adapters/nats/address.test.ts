/** Addresses of nats-servers, and credentials that are replaced while a process runs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import type { Auth } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  connectOptions,
  CredentialsError,
  placeOf,
  type NatsAddress,
} from "../../../../services/adapters/nats/address.ts";

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), "forebay-address-"))));
afterAll(() => rmSync(folder, { recursive: true }));

function credentialsOf(address: NatsAddress): Auth {
  const { authenticator } = connectOptions(address);
  return (authenticator as () => Auth)();
}

describe("an address", () => {
  it("has user and password, also with signs that addresses escape", () => {
    expect(credentialsOf({ url: "nats://eu.1:p%40ss@localhost:4222" })).toEqual({
      user: "eu.1",
      pass: "p@ss",
    });
    expect(credentialsOf({ url: "nats://localhost:4222" })).toBeUndefined();
  });

  it("is shown without them", () => {
    expect(placeOf({ url: "tls://eu.1:hunter2@localhost:4222" })).toBe("tls://localhost:4222");
  });

  it.each(["127.0.0.1:4222", "nats.eu.example:4222", "[::1]:4222", "nats.eu.example"])(
    "leads to %s",
    (place) => {
      expect(connectOptions({ url: `nats://u:p@${place}` })).toMatchObject({ servers: place });
    },
  );

  it("is encrypted where it says so or names an authority, and verified under the name that it has itself", () => {
    expect(connectOptions({ url: "nats://localhost:4222" })).not.toHaveProperty("tls");
    expect(connectOptions({ url: "nats://localhost:4222", tls: { caFile: "/ca.pem" } })).toMatchObject({
      tls: { caFile: "/ca.pem" },
    });
    const { tls } = connectOptions({ url: "tls://127.0.0.1:4222" });
    const { checkServerIdentity } = tls as ConnectionOptions;
    const certificate = (names: string) => ({ subject: {}, subjectaltname: names }) as PeerCertificate;
    expect(checkServerIdentity!("localhost", certificate("IP Address:127.0.0.1"))).toBeUndefined();
    expect(checkServerIdentity!("localhost", certificate("DNS:localhost"))).toBeInstanceOf(Error);
  });
});

describe("a credentials file", () => {
  it("is read at each attempt, and the last content holds while it can't be", () => {
    const credentialsFile = join(folder, "eu.credentials");
    writeFileSync(credentialsFile, "eu.1:first\n");
    const problems: unknown[] = [];
    const address = { url: "nats://someone:else@localhost:4222", credentialsFile };
    const { authenticator } = connectOptions(address, (problem) => problems.push(problem));
    const attempt = authenticator as () => Auth;
    expect(attempt()).toEqual({ user: "eu.1", pass: "first" });
    writeFileSync(credentialsFile, "eu.2:second");
    expect(attempt()).toEqual({ user: "eu.2", pass: "second" });
    writeFileSync(credentialsFile, "half");
    expect(attempt()).toEqual({ user: "eu.2", pass: "second" });
    rmSync(credentialsFile);
    expect(attempt()).toEqual({ user: "eu.2", pass: "second" });
    expect(problems.map((problem) => problem instanceof CredentialsError)).toEqual([true, true]);
  });

  it("that can't be used at first is an error that shows nothing of it", () => {
    const credentialsFile = join(folder, "wrong.credentials");
    writeFileSync(credentialsFile, "hunter2");
    const connecting = () => connectOptions({ url: "nats://localhost:4222", credentialsFile });
    expect(connecting).toThrow(/must hold one line: user:password/);
    expect(connecting).not.toThrow(/hunter2/);
  });
});
