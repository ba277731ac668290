/** What is told of an address that does not answer as it should: where it is, and nothing that may be a key. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { HttpSigningKeys } from "../../../../services/adapters/signing-keys/http.ts";
import { collectGarbage } from "../../collect-garbage.ts";

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** @returns the origin of a server that answers everybody so. */
function serve(status: number, body: string): Promise<string> {
  return serveBy((_, response) => response.writeHead(status).end(body));
}

async function serveBy(listener: RequestListener): Promise<string> {
  server = createServer(listener);
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

  it.each(['{"keys":[]}', '\uFEFF{"keys":[]}'])("are what the address answers: %j", async (body) => {
    const origin = await serve(200, body);
    await expect(new HttpSigningKeys(`${origin}/keys`).fetch()).resolves.toEqual({ keys: [] });
  });

  it("are given up in time where the answer stalls, and garbage was collected since", async () => {
    let begin: () => void;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const origin = await serveBy((_, response) => void response.write('{"keys":', () => begin()));
    const problem = new HttpSigningKeys(`${origin}/keys`, 1_000).fetch().catch((error: unknown) => error);
    await begun;
    await collectGarbage();
    expect(await problem).toMatchObject({ message: `${origin} does not answer within 1000 ms` });
  });
});
