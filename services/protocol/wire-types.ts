/** Shapes that several kinds of log entry are made of. */
import { Type } from "typebox";
import { TRACEPARENT_PATTERN } from "../core/trace.ts";

export const Region = Type.String({ minLength: 1, maxLength: 32 });
export const Hash = Type.String({ pattern: "^[0-9a-f]{64}$" });
export const HlcText = Type.String({ pattern: "^[0-9a-f]{16}$" });
/** What a database can't hold must not get into the log: every region would stop there. */
export const Sequence = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const Uuid = Type.String({
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
});
/** Traces of operations, by their index. */
export const TracedIndexes = Type.Array(
  Type.Tuple([Type.Integer({ minimum: 0 }), Type.String({ pattern: TRACEPARENT_PATTERN })]),
  { minItems: 1 },
);
export const Name = Type.String({ minLength: 1 });
