/** The keys that tokens are signed with, by HTTP: bounded in time and size, without redirects. */
import type { SigningKeySource } from "../../ports/signing-keys.ts";

const TIMEOUT_MS = 5_000;
const BYTES_MAX = 256 * 1_024;

export class HttpSigningKeys implements SigningKeySource {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async fetch(): Promise<unknown> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = { accept: "application/jwk-set+json, application/json" };
    const response = await fetch(this.#url, { signal, headers, redirect: "error" });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`${this.#url} answers ${response.status}`);
    }
    return JSON.parse(await textOf(response, this.#url));
  }
}

async function textOf(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > BYTES_MAX) throw new Error(`${url} answers with more than ${BYTES_MAX} bytes`);
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}
