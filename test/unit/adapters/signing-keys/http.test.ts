/** What is told of an address that does not answer as it should: where it is, and nothing that may be a key. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { HttpSigningKeys } from "../../../../services/adapters/signing-keys/http.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** @returns the origin of a server that answers everybody so. */
async function serve(status: number, body: string): Promise<string> {
  server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("keys by HTTP", () => {
  it.each([
    [401, "", "answers 401"],
    [200, "x".repeat(300_000), "answers with more than 262144 bytes"],
  ])("that answer %i are told of without the path and parameters", async (status, body, told) => {
    const origin = await serve(status, body);
    const keys = new HttpSigningKeys(`${origin}/keys?api_key=hunter2`);
    await expect(keys.fetch()).rejects.toThrow(new Error(`${origin} ${told}`));
  });

  it("are what the address answers", async () => {
    const origin = await serve(200, '{"keys":[]}');
    await expect(new HttpSigningKeys(`${origin}/keys`).fetch()).resolves.toEqual({ keys: [] });
  });
});
