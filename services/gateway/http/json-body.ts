/** Reads a JSON body strictly: UTF-8, one value, and no name that has a meaning of its own in JavaScript. */
import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { isObject } from "../../core/json.ts";
import { ProblemError } from "./problem.ts";

const BYTE_ORDER_MARK = "\uFEFF";
/** Text in which the dangerous name can occur at all, escaped or not. */
const SUSPICIOUS = /__proto__|\\u/;

const JSON_TYPE = "application/json";

/**
 * @param body the bytes as they came, or undefined when there were none.
 * @throws {ProblemError} unsupported-media-type, malformed-json, malformed-body.
 */
export function readJsonBody(headers: IncomingHttpHeaders, body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new ProblemError("malformed-json", "the body is empty; it has to be a JSON object");
  }
  checkMediaType(headers);
  return parseStrictly(body, "the body");
}

/**
 * @param what the text is, for people.
 * @throws {ProblemError} malformed-json, malformed-body.
 */
export function parseStrictly(bytes: Buffer, what: string): unknown {
  if (!isUtf8(bytes)) throw new ProblemError("malformed-json", `${what} is not UTF-8`);
  const text = bytes.toString("utf8");
  const value = parse(text, what);
  if (SUSPICIOUS.test(text) && hasProtoName(value)) {
    throw new ProblemError("malformed-body", 'the name "__proto__" can\'t be used in a body');
  }
  return value;
}

/**
 * For requests that need no body: none, or an object without members. Anything else would be ignored.
 * @throws {ProblemError} as `readJsonBody`.
 */
export function refuseBody(headers: IncomingHttpHeaders, body: unknown): void {
  if (!Buffer.isBuffer(body) || body.length === 0) return;
  const value = readJsonBody(headers, body);
  if (isObject(value) && Object.keys(value).length === 0) return;
  throw new ProblemError("malformed-body", "this request takes no body");
}

/** @throws {ProblemError} unsupported-media-type. */
export function checkMediaType(headers: IncomingHttpHeaders, type = JSON_TYPE): void {
  const given = headers["content-type"]?.split(";", 1)[0]!.trim().toLowerCase();
  if (given !== type) {
    throw new ProblemError("unsupported-media-type", `the body has to be of type ${type}`);
  }
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw new ProblemError("unsupported-media-type", "a body with a Content-Encoding is not taken");
  }
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = text.startsWith(BYTE_ORDER_MARK)
      ? "it starts with a byte order mark"
      : (error as Error).message;
    throw new ProblemError("malformed-json", `${what} is not JSON: ${reason}`);
  }
}

/** Without recursion: a body may be nested deeper than the stack. */
function hasProtoName(value: unknown): boolean {
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null) continue;
    if (Object.hasOwn(next, "__proto__")) return true;
    for (const member of Object.values(next)) left.push(member);
  }
  return false;
}
