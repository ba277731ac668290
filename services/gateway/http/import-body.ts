/** Reads the lines of an import: each is a write with its key and id, or the reason why it is none. */
import type { IncomingHttpHeaders } from "node:http";
import { isObject } from "../../core/json.ts";
import {
  BODY_BYTES_MAX,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  IMPORT_LINES_MAX,
  IMPORT_MEDIA_TYPE,
} from "../../protocol/http/headers.ts";
import type { BulkLine } from "../gateway.ts";
import { checkMediaType, parseStrictly } from "./json-body.ts";
import { ProblemError } from "./problem.ts";
import { isIdempotencyKey } from "./request-headers.ts";

const LINE_FEED = 0x0a;

/** @throws {ProblemError} what is wrong with the body as a whole: its type, no lines, too many. */
export function readImportBody(headers: IncomingHttpHeaders, body: unknown): (BulkLine | Error)[] {
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new ProblemError("malformed-body", "the body is empty; it has to have one JSON object per line");
  }
  checkMediaType(headers, IMPORT_MEDIA_TYPE);
  const lines: (BulkLine | Error)[] = [];
  for (let begin = 0; begin < body.length;) {
    if (lines.length === IMPORT_LINES_MAX) {
      throw new ProblemError("malformed-body", `the body has at most ${IMPORT_LINES_MAX} lines`);
    }
    const feed = body.indexOf(LINE_FEED, begin);
    const end = feed === -1 ? body.length : feed;
    lines.push(readLine(body.subarray(begin, end)));
    begin = end + 1;
  }
  return lines;
}

function readLine(bytes: Buffer): BulkLine | Error {
  if (bytes.length > BODY_BYTES_MAX) {
    return new ProblemError("body-too-large", `a line has at most ${BODY_BYTES_MAX} bytes`);
  }
  try {
    return toLine(parseStrictly(bytes, "the line"));
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
}

function toLine(value: unknown): BulkLine {
  if (!isObject(value)) throw malformed('a line is a JSON object with "id", "key" and operators');
  const { id, key, ...body } = value;
  if (typeof key !== "string") throw malformed('"key" is text: it names the record', "key");
  if (typeof id !== "string" || !isIdempotencyKey(id)) {
    const right = `"id" is 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters: it names the write`;
    throw malformed(right, "id");
  }
  return { id, key, body };
}

function malformed(detail: string, field?: string): ProblemError {
  return new ProblemError("malformed-body", detail, field === undefined ? {} : { field });
}
