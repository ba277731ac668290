/** The keys that tokens are signed with, by HTTP: bounded in time and size, without redirects. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { SigningKeySource } from "../../ports/signing-keys.ts";

const TIMEOUT_MS = 5_000;
const BYTES_MAX = 256 * 1_024;

export class HttpSigningKeys implements SigningKeySource {
  readonly #url: string;
  /** As errors name it: the rest of the address may have a key in it. */
  readonly #origin: string;
  readonly #timeoutMs: number;

  constructor(url: string, timeoutMs = TIMEOUT_MS) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#origin = new URL(url).origin;
  }

  async fetch(): Promise<unknown> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#fetch(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new Error(`${this.#origin} does not answer within ${this.#timeoutMs} ms`, { cause: error });
    }
  }

  async #fetch(signal: AbortSignal): Promise<unknown> {
    const headers = { accept: "application/jwk-set+json, application/json" };
    const response = await fetch(this.#url, { signal, headers, redirect: "error" });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`${this.#origin} answers ${response.status}`);
    }
    return JSON.parse(await this.#textOf(response, signal));
  }

  async #textOf({ body }: Response, signal: AbortSignal): Promise<string> {
    if (body === null) return "";
    const chunks: Buffer[] = [];
    let bytes = 0;
    // Once garbage was collected, Node.js 20 and 22 don't end the answer to such a request by its signal (nodejs/node#55428).
    for await (const chunk of Readable.fromWeb(body as ReadableStream, { signal })) {
      bytes += (chunk as Buffer).byteLength;
      if (bytes > BYTES_MAX) throw new Error(`${this.#origin} answers with more than ${BYTES_MAX} bytes`);
      chunks.push(chunk as Buffer);
    }
    // Without a byte order mark, as JSON must be.
    return new TextDecoder().decode(Buffer.concat(chunks));
  }
}
