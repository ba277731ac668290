/** Answers what node's HTTP parser refuses: there is no request yet, only a socket. */
import type { Socket } from "node:net";
import { STATUS_CODES } from "node:http";
import { HEADERS_BYTES_MAX } from "../../protocol/http/headers.ts";
import { problemAnswer, type Problem } from "./problem.ts";
import { PROBLEM_MEDIA_TYPE } from "./send-problem.ts";

export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const answer = problemAnswer(clientProblem(error.code));
  const body = JSON.stringify(answer);
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

function clientProblem(code: string | undefined): Problem {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return {
        code: "headers-too-large",
        detail: `URL and headers have at most ${HEADERS_BYTES_MAX} bytes together`,
      };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { code: "request-timeout", detail: "the request was not complete in time" };
    default:
      return { code: "malformed-request", detail: "the request is not HTTP/1.1 as this server reads it" };
  }
}
