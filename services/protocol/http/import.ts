/** The body and the answer of an import: many writes to a collection, each answered by itself. */
import { Type, type Static } from "typebox";
import { REJECTION_CODES } from "../../core/decide/rejection.ts";
import { ProblemAnswer, SessionToken } from "./answers.ts";
import { IDEMPOTENCY_KEY_LENGTH_MAX, IMPORT_LINES_MAX } from "./headers.ts";

const Count = Type.Integer({ minimum: 0 });

/** As the document shows it; the body is text, with one of these objects per line. */
export const ImportBody = Type.String({
  description: `NDJSON: one write per line, at most ${IMPORT_LINES_MAX} lines. A line is the body of a write with "key", which names the record, and "id": under it the line takes effect once, like a request under an Idempotency-Key of 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters.`,
  examples: [
    '{"id":"crm-7:1","key":"ada","set":{"displayName":"Ada"},"add":{"tags":["admin"]}}\n{"id":"crm-7:2","key":"bob","set":{"displayName":"Bob"}}\n',
  ],
});

const Written = Type.Object(
  {
    status: Type.Enum(["accepted", "committed", "superseded", "rejected"], {
      description: "As of a receipt.",
    }),
    operation: Type.String({ format: "uuid", description: "Names the write in every region." }),
    replayed: Type.Optional(
      Type.Literal(true, { description: "The line was sent before, and this is what became of it then." }),
    ),
    code: Type.Optional(
      Type.Enum([...REJECTION_CODES], {
        description: "What stood against it, where the log had rejected it.",
      }),
    ),
  },
  { additionalProperties: false },
);

const Refused = Type.Object(
  {
    status: Type.Literal("refused"),
    problem: ProblemAnswer,
    retry_after_s: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "When the line is worth sending again, as Retry-After says it.",
      }),
    ),
  },
  { additionalProperties: false, description: "Nothing took effect, unless the problem says otherwise." },
);

export type RefusedLine = Static<typeof Refused>;

export const ImportAnswer = Type.Object(
  {
    accepted: Type.Integer({ minimum: 0, description: "Lines that are durable, replayed ones included." }),
    replayed: Count,
    refused: Count,
    lines: Type.Array(Type.Union([Written, Refused]), { description: "In the order of the body's lines." }),
    session: SessionToken,
  },
  {
    additionalProperties: false,
    examples: [
      {
        accepted: 1,
        replayed: 0,
        refused: 1,
        lines: [
          { status: "accepted", operation: "7f1c2a90-3f61-8d3c-9a52-0c1c6f3b1a55" },
          {
            status: "refused",
            problem: {
              type: "urn:forebay:problem:unknown-field",
              title: "The collection has no such field",
              status: 422,
              detail: 'the collection has no field "nmae"; it has displayName, tags',
              retry: "never",
              field: "nmae",
            },
          },
        ],
        session: "c2Vzc2lvbg.dGFn",
      },
    ],
  },
);
export type ImportAnswer = Static<typeof ImportAnswer>;
