/** Reads bodies whose whole shape is a schema, and says of others what would be right. */
import type { IncomingHttpHeaders } from "node:http";
import type { TObject } from "typebox";
import type { Compile } from "typebox/compile";
import { readJsonBody } from "./json-body.ts";
import { ProblemError } from "./problem.ts";

/** @throws {ProblemError} malformed-body, with what would be right. */
export function readShapedBody<Body>(
  given: { readonly headers: IncomingHttpHeaders; readonly body: unknown },
  validator: ReturnType<typeof Compile<TObject>>,
  right: string,
): Body {
  const body = readJsonBody(given.headers, given.body);
  if (validator.Check(body)) return body as Body;
  const [error] = validator.Errors(body);
  const field = error?.instancePath.split("/")[1];
  throw new ProblemError("malformed-body", right, field === undefined ? {} : { field });
}
