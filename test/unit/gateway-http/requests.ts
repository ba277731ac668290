/** Requests as the tests make them. */
import { connect } from "node:net";
import type { LightMyRequestResponse } from "fastify";
import type { Rig } from "./rig.ts";

export const RECORD = "/v1/collections/users/records/ada";

export function patch(
  rig: Rig,
  request: {
    url?: string;
    body?: unknown;
    text?: string | Buffer;
    headers?: { [name: string]: string };
  } = {},
): Promise<LightMyRequestResponse> {
  const { url = RECORD, body = { set: { name: "Ada" } }, text, headers = {} } = request;
  return rig.server.app.inject({
    method: "PATCH",
    url,
    headers: { "content-type": "application/json", ...headers },
    payload: text ?? JSON.stringify(body),
  });
}

export function get(
  rig: Rig,
  url: string,
  headers: { [name: string]: string } = {},
): Promise<LightMyRequestResponse> {
  return rig.server.app.inject({ method: "GET", url, headers });
}

/** A request with any method; a body that is not text is sent as JSON. */
export function send(
  rig: Rig,
  method: "POST" | "DELETE" | "PUT",
  request: { url: string; body?: unknown; headers?: { [name: string]: string } },
): Promise<LightMyRequestResponse> {
  const { url, body, headers = {} } = request;
  if (body === undefined) return rig.server.app.inject({ method, url, headers });
  return rig.server.app.inject({
    method,
    url,
    headers: { "content-type": "application/json", ...headers },
    payload: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** The code in a problem's type. */
export function codeOf(response: { body: string }): string {
  return (JSON.parse(response.body) as { type: string }).type.replace("urn:forebay:problem:", "");
}

export interface Answer {
  readonly statusCode: number;
  readonly headers: { readonly [name: string]: unknown };
  readonly body: string;
}

/** What node's parser refuses never becomes a request, so it takes a socket to see it. */
export function exchange(port: number, text: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", body = ""] = received.split("\r\n\r\n");
      const [status = "", ...lines] = head.split("\r\n");
      const headers = Object.fromEntries(
        lines.map((line) => [line.split(":")[0]!.toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
      );
      resolve({ statusCode: Number(status.split(" ")[1]), headers, body });
    });
  });
}
