/** Answers of `/v1/audit`. */
import { Type, type Static } from "typebox";
import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from "../../core/audit.ts";

const Count = Type.Integer({ minimum: 0 });
const Hash = Type.String({ pattern: "^[0-9a-f]{64}$" });

/** On whose behalf something is ordered; names nobody for sure, and stands behind whose credential it was. */
export const ACTOR_HEADER = "forebay-actor";
export const ACTOR_LENGTH_MAX = 128;

export const AuditRowAnswer = Type.Object(
  {
    sequence: Type.Integer({ minimum: 1 }),
    at_ms: Type.Integer({ description: "By the clock of the process." }),
    act: Type.String({ format: "uuid", description: "Of an intent and of what became of it the same." }),
    action: Type.Enum([...AUDIT_ACTIONS]),
    actor: Type.String(),
    address: Type.Optional(
      Type.String({ description: "Where the order came from; absent of what a region did by itself." }),
    ),
    about: Type.String({ description: "JSON, as the hash covers it." }),
    outcome: Type.Enum([...AUDIT_OUTCOMES], {
      description: "intent: about to be done. An act without another row was cut off.",
    }),
    previous: Hash,
    hash: Hash,
  },
  { additionalProperties: false },
);

export const AuditAnswer = Type.Object(
  {
    region: Type.String(),
    rows: Type.Array(AuditRowAnswer),
    next_cursor: Type.Optional(Type.String({ description: "Absent where no more rows are there now." })),
  },
  { additionalProperties: false },
);

const Head = { sequence: Count, hash: Hash };

export const AuditHeadAnswer = Type.Object(
  {
    region: Type.String(),
    ...Head,
    seen: Type.Array(
      Type.Object(
        { region: Type.String(), ...Head, seen_at_ms: Type.Integer() },
        { additionalProperties: false },
      ),
      { description: "Where trails of other regions ended when this one looked." },
    ),
  },
  { additionalProperties: false },
);

export type AuditRowAnswer = Static<typeof AuditRowAnswer>;
export type AuditAnswer = Static<typeof AuditAnswer>;
export type AuditHeadAnswer = Static<typeof AuditHeadAnswer>;
