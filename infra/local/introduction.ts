/** What a nats-server says of itself in the first lines of a route that it dials. */

export interface Introduction {
  /** From CONNECT, sent at once: the server's id, another one after each start. */
  readonly serverId: string | undefined;
  /** From INFO, sent only after the other side's INFO has come: the name from its configuration. */
  readonly serverName: string | undefined;
}

const LINE_END = Buffer.from("\r\n");

/** Reads the complete lines at the start of what was received; stops at the first that is neither CONNECT nor INFO. */
export function readIntroduction(received: Buffer): Introduction {
  let serverId: string | undefined;
  let serverName: string | undefined;
  let start = 0;
  for (;;) {
    const end = received.indexOf(LINE_END, start);
    const match = end < 0 ? null : /^(CONNECT|INFO) (\{.*\})\s*$/.exec(received.toString("utf8", start, end));
    if (match === null) {
      return { serverId, serverName };
    }
    const document = parseObject(match[2] ?? "");
    if (match[1] === "CONNECT") {
      serverId = textOf(document["name"]);
    } else {
      serverName = textOf(document["server_name"]);
    }
    start = end + LINE_END.length;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
