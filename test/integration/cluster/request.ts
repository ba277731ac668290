/** One request of a client that does not wait for ever. */

/** The deadline that the client names to the region, unless it asks for another. */
const DEADLINE_MS = 1_500;
/** Well after the deadline a region that is alive has answered. */
const GIVE_UP_AFTER_MS = 2_500;

export interface Answer {
  readonly status: number;
  readonly body: { readonly [member: string]: unknown };
  /** In seconds, as the header has it. */
  readonly retryAfter?: string;
}

export interface Asked {
  readonly method: "GET" | "PUT" | "PATCH" | "POST" | "DELETE";
  readonly headers?: { readonly [name: string]: string };
  readonly body?: object | undefined;
  readonly deadlineMs?: number;
}

const READ_TRIES_MAX = 3;
const READ_TIMEOUT_MS = 30_000;

/** A read, asked again where its connection breaks: one that was idle may be closed just as it is used. */
export async function read(url: string): Promise<unknown> {
  for (let left = READ_TRIES_MAX; ; left -= 1) {
    try {
      return await (await fetch(url, { signal: AbortSignal.timeout(READ_TIMEOUT_MS) })).json();
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

/** Undefined when nothing came back: the connection broke, or the time was over. */
export async function send(url: string, asked: Asked): Promise<Answer | undefined> {
  const { method, headers, body, deadlineMs = DEADLINE_MS } = asked;
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
        "forebay-deadline-ms": String(deadlineMs),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(deadlineMs + GIVE_UP_AFTER_MS),
    });
    const retryAfter = response.headers.get("retry-after");
    const answered = (await response.json()) as Answer["body"];
    return { status: response.status, body: answered, ...(retryAfter !== null && { retryAfter }) };
  } catch {
    return undefined;
  }
}
