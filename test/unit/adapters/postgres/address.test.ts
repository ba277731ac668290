/** What the driver is told of TLS, by what stands in a database's address. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectionOf } from "../../../../services/adapters/postgres/address.ts";

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), "forebay-address-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const withQuery = (query: string) => connectionOf(`postgres://u:p@db.example:5432/forebay?${query}`);

it("is plain where nothing is asked for", () => {
  expect(withQuery("").ssl).toBe(false);
  expect(withQuery("sslmode=disable").ssl).toBe(false);
});

it.each(["require", "verify-ca", "verify-full"])("verifies with sslmode=%s", (mode) => {
  const { ssl, connectionString } = withQuery(`sslmode=${mode}&application_name=x`);
  expect(ssl).toMatchObject({ rejectUnauthorized: true });
  // The driver must not read it anew, and otherwise.
  expect(connectionString).toBe("postgres://u:p@db.example:5432/forebay?application_name=x");
});

it("only encrypts where it says so", () => {
  expect(withQuery("sslmode=no-verify").ssl).toMatchObject({ rejectUnauthorized: false });
});

it("reads the authority's certificate again for each connection, or keeps the last", () => {
  const path = join(folder, "ca.pem");
  writeFileSync(path, "first");
  const ssl = withQuery(`sslrootcert=${path}`).ssl as ConnectionOptions;
  expect(String(ssl.ca)).toBe("first");
  writeFileSync(path, "second");
  expect(String(ssl.ca)).toBe("second");
  rmSync(path);
  expect(String(ssl.ca)).toBe("second");
  expect(() => withQuery(`sslrootcert=${path}`)).toThrow(/ENOENT/);
});
