/**
 * The body of an answer, which ends with its signal. `fetch` alone does not see to that: once garbage was collected after an
 * answer's head, Node.js 20 and 22 have forgotten whom the signal was for where redirects are errors (nodejs/node#55428).
 */
import { onAbort } from "../platform.ts";

/** @param take is given the text as it comes, and no more before it resolves. @throws the signal's reason. */
export async function readBody(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  take: (text: string) => Promise<void> | void,
): Promise<void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => undefined);
  const forget = onAbort(signal, cancel);
  try {
    for (;;) {
      // Once it is aborted, also where that was before anybody listened, or has ended the body.
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) return signal.throwIfAborted();
      await take(decoder.decode(value, { stream: true }));
    }
  } finally {
    forget();
    cancel();
  }
}

/** @throws the signal's reason. */
export async function textOf(response: Response, signal: AbortSignal): Promise<string> {
  // Some platforms know no streams, and some ways to fetch have streams of another kind.
  if (typeof response.body?.getReader !== "function") return response.text();
  let text = "";
  await readBody(response.body, signal, (part) => {
    text += part;
  });
  return text;
}
