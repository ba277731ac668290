/** A connection that frames of the feed come over: a WebSocket, or where there is none, lines over HTTP. */
import type { SubscribeFrame, ServerFrame } from "../../protocol/http/feed.ts";
import type { Platform, SocketConstructor } from "../platform.ts";
import { AS_IT_IS } from "../request/attempt.ts";
import { readBody, textOf } from "../request/body.ts";
import { unsettledText } from "./follow.ts";

export type Interest = Omit<SubscribeFrame, "type" | "id">;

export interface Arrivals {
  frame(frame: ServerFrame): void;
  /** Resolves once another frame may come. Only a connection over HTTP can wait for it. */
  room(): Promise<void>;
  /** Once; nothing comes after it. @param code of the WebSocket, or the status over HTTP; 0 where nobody said why. */
  end(code: number): void;
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
  socket.addEventListener("close", ({ code }) => {
    if (isOpen) arrivals.end(hasOpened ? code : NOT_OPENED);
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
  const { signal } = controller;
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
      signal,
    });
    if (response.status !== 200) return refuse(response, { arrivals, signal });
    await readLines(response, { arrivals, signal });
    arrivals.end(0);
  };
  read().catch(() => arrivals.end(0));
  return () => controller.abort();
}

interface Reading {
  readonly arrivals: Arrivals;
  readonly signal: AbortSignal;
}

async function refuse(response: Response, { arrivals, signal }: Reading): Promise<void> {
  const problem = JSON.parse(await textOf(response, signal)) as { type?: string };
  if (typeof problem.type === "string") {
    arrivals.frame({ type: "problem", problem } as ServerFrame);
  }
  arrivals.end(response.status);
}

/** No faster than they are taken. */
function readLines({ body }: Response, { arrivals, signal }: Reading): Promise<void> {
  let rest = "";
  return readBody(body!, signal, async (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      await arrivals.room();
      take(line.trim(), arrivals);
    }
  });
}
