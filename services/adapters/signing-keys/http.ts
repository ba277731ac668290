/** The keys that tokens are signed with, by HTTP: bounded in time and size, without redirects. */
import type { SigningKeySource } from "../../ports/signing-keys.ts";

const TIMEOUT_MS = 5_000;
const BYTES_MAX = 256 * 1_024;

export class HttpSigningKeys implements SigningKeySource {
  readonly #url: string;
  /** As errors name it: the rest of the address may have a key in it. */
  readonly #origin: string;

  constructor(url: string) {
    this.#url = url;
    this.#origin = new URL(url).origin;
  }

  async fetch(): Promise<unknown> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = { accept: "application/jwk-set+json, application/json" };
    const response = await fetch(this.#url, { signal, headers, redirect: "error" });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`${this.#origin} answers ${response.status}`);
    }
    return JSON.parse(await textOf(response, this.#origin));
  }
}

async function textOf(response: Response, origin: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > BYTES_MAX) throw new Error(`${origin} answers with more than ${BYTES_MAX} bytes`);
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}
