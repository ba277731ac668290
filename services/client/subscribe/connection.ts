/** A connection that frames of the feed come over: a WebSocket, or where there is none, lines over HTTP. */
import type { SubscribeFrame, ServerFrame } from "../../protocol/http/feed.ts";
import type { Platform, SocketConstructor } from "../platform.ts";
import { AS_IT_IS } from "../request/attempt.ts";
import { unsettledText } from "./follow.ts";

export type Interest = Omit<SubscribeFrame, "type" | "id">;

export interface Arrivals {
  frame(frame: ServerFrame): void;
  /** Resolves once another frame may come. Only a connection over HTTP can wait for it. */
  room(): Promise<void>;
  /** Once; nothing comes after it. @param code of the WebSocket, or the status over HTTP; 0 where nobody said why. */
  end(code: number, why: string): void;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly isOverHttp: boolean;
  readonly interest: Interest;
  readonly arrivals: Arrivals;
}

/** Of the end of a WebSocket that never opened: nobody tells a client whether a region refused it, or is not there. */
export const NOT_OPENED = -2;

/** @returns how to close it. */
export function connect(platform: Platform, options: ConnectionOptions): () => void {
  const { webSocket } = platform;
  return options.isOverHttp || webSocket === undefined
    ? openStream(platform, options)
    : openSocket(webSocket, options);
}

const SUBPROTOCOL = "forebay.v1";
const TOKEN_PREFIX = "forebay.bearer.";

function openSocket(
  webSocket: SocketConstructor,
  { url, token, interest, arrivals }: ConnectionOptions,
): () => void {
  const protocols = [SUBPROTOCOL, ...(token === undefined ? [] : [TOKEN_PREFIX + token])];
  const socket = new webSocket(`${url.replace(/^http/, "ws")}/v1/subscribe`, protocols);
  let isOpen = true;
  let hasOpened = false;
  socket.addEventListener("open", () => {
    hasOpened = true;
    if (isOpen) socket.send(JSON.stringify({ type: "subscribe", id: "1", ...interest }));
  });
  socket.addEventListener("message", ({ data }) => {
    if (isOpen) take(String(data), arrivals);
  });
  socket.addEventListener("close", ({ code, reason }) => {
    if (isOpen) arrivals.end(hasOpened ? code : NOT_OPENED, reason);
  });
  // What has gone wrong is told to nobody; that it is over, by the close that follows.
  socket.addEventListener("error", () => undefined);
  return () => {
    isOpen = false;
    socket.close();
  };
}

function take(text: string, arrivals: Arrivals): void {
  if (text !== "") arrivals.frame(JSON.parse(text) as ServerFrame);
}

function openStream(platform: Platform, { url, token, interest, arrivals }: ConnectionOptions): () => void {
  const controller = new AbortController();
  const { cursor, unsettled, ...of } = interest;
  const query = new URLSearchParams({ follow: "true", ...(cursor !== undefined && { after: cursor }) });
  for (const [name, value] of Object.entries(of)) if (value !== undefined) query.set(name, String(value));
  if (unsettled !== undefined) query.set("unsettled", unsettledText(unsettled));
  const headers: Record<string, string> = { accept: "application/x-ndjson" };
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  const read = async () => {
    const response = await platform.fetch(`${url}/v1/changes?${query.toString()}`, {
      ...AS_IT_IS,
      headers,
      signal: controller.signal,
    });
    if (response.status !== 200) return refuse(response, arrivals);
    await readLines(response, arrivals);
    arrivals.end(0, "the stream has ended");
  };
  read().catch((error: unknown) => {
    if (!controller.signal.aborted) arrivals.end(0, String(error));
  });
  return () => controller.abort();
}

async function refuse(response: Response, arrivals: Arrivals): Promise<void> {
  const problem = (await response.json()) as { type?: string };
  if (typeof problem.type === "string") {
    arrivals.frame({ type: "problem", problem } as ServerFrame);
  }
  arrivals.end(response.status, response.statusText);
}

/** No faster than they are taken. */
async function readLines(response: Response, arrivals: Arrivals): Promise<void> {
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      await arrivals.room();
      take(line.trim(), arrivals);
    }
  }
}
