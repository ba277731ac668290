/** What a region's address leads to is the region, or an error: nothing is sent to where a redirect leads. */
import { createServer, type RequestListener, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  counter,
  createClient,
  defineCollection,
  OutcomeUnknownError,
} from "../../../services/client/index.ts";

const posts = defineCollection("posts", { likes: counter() });
const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe("an address that redirects", () => {
  it("is not followed, by writes or reads, and the error says why", async () => {
    const led: (string | undefined)[] = [];
    const elsewhere = await serve((request, response) => {
      led.push(request.headers.authorization);
      response.end("{}");
    });
    const here = await serve((request, response) => {
      if (request.url === "/readyz") return response.end("{}");
      return response.writeHead(307, { location: elsewhere + request.url! }).end();
    });
    const client = createClient({ regions: { here }, key: "secret", deadlineMs: 2_000 });
    const records = client.collection(posts);
    const written: unknown = await records
      .write("one", { inc: { likes: 1 } })
      .catch((error: unknown) => error);
    expect(written).toBeInstanceOf(OutcomeUnknownError);
    expect((written as Error).cause).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/redirect/),
    });
    const read: unknown = await records.get("one").catch((error: unknown) => error);
    expect(read).toMatchObject({ code: "unreachable", message: expect.stringMatching(/redirect/) });
    expect(led).toEqual([]);
  });
});
