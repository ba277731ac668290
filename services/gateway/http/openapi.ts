/** The OpenAPI document: how routes describe themselves, and what all of them share. */
import type { FastifySchema } from "fastify";
import { Type, type TObject, type TSchema } from "typebox";
import { documentedScopes, type Access } from "./access.ts";
import { ProblemAnswer } from "../../protocol/http/answers.ts";
import {
  PROBLEM_CODES,
  problemDefinition,
  problemType,
  type ProblemCode,
} from "../../protocol/http/problems.ts";

export interface AnswerDocument {
  readonly description: string;
  /** Absent for an answer without a body. */
  readonly body?: TSchema;
  readonly mediaType?: string;
  readonly headers?: { readonly [name: string]: TSchema };
}

export interface RouteDocument {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag:
    | "records"
    | "escrows"
    | "transactions"
    | "leases"
    | "collections"
    | "operations"
    | "conflicts"
    | "verification"
    | "backup"
    | "audit"
    | "access"
    | "region";
  readonly params?: TObject;
  readonly query?: TObject;
  readonly headers?: TObject;
  readonly body?: TSchema;
  /** Of the body; default JSON. */
  readonly bodyMediaType?: string;
  readonly answers: { readonly [status: number]: AnswerDocument };
  readonly problems: readonly ProblemCode[];
}

/** Problems that any request can meet before or in its route. */
const EVERYWHERE: readonly ProblemCode[] = [
  "malformed-request",
  "malformed-url",
  "headers-too-large",
  "request-timeout",
  "invalid-parameter",
  "internal",
];
/** Of all but those for operators and their machines, which are never refused. */
const AT_THE_DOOR: readonly ProblemCode[] = ["overloaded", "memory-short"];
const FOR_OPERATORS: readonly RouteDocument["tag"][] = ["verification", "backup", "audit", "region"];
/** Of routes that ask who it is. */
const ACCESS_PROBLEMS: readonly ProblemCode[] = [
  "unauthenticated",
  "forbidden",
  "rate-limited",
  "overloaded",
  "signing-keys-unavailable",
  "store-unavailable",
  "starting",
  "bootstrapping",
  "not-a-member",
];
/** Of requests with a body, and of those that refuse one. */
export const BODY_PROBLEMS: readonly ProblemCode[] = [
  "malformed-json",
  "malformed-body",
  "unsupported-media-type",
  "body-too-large",
];
/** Reads tell what the client has seen also where there is nothing to see. */
const SEEN_PROBLEMS: readonly ProblemCode[] = ["record-not-found", "record-deleted", "lease-not-found"];
/** Waiting helps where other regions have what this one lacks. */
const SOMETIMES_RETRIED_LATER: readonly ProblemCode[] = ["insufficient"];
/** No route answers with these; they say that there is none. */
const OUTSIDE_ROUTES: readonly ProblemCode[] = ["route-not-found", "method-not-allowed"];

const CREDENTIAL = "credential";
const CREDENTIAL_DOCUMENT = {
  type: "http" as const,
  scheme: "bearer",
  description:
    "`Authorization: Bearer` with an API key or a JSON Web Token. Each operation lists the scopes of which one is enough; `*` stands for any prefix.",
};
const PROBLEM_REFERENCE = { $ref: "#/components/schemas/Problem" };
const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** The route's schema as @fastify/swagger reads it; the framework never validates or serializes by it. */
export function openApiOperation(document: RouteDocument, access: Access): FastifySchema {
  const { operationId, summary, description, tag, params, query, headers, body } = document;
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    security: access.action === "none" ? [] : [{ [CREDENTIAL]: documentedScopes(access) }],
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    ...(document.bodyMediaType === undefined ? {} : { consumes: [document.bodyMediaType] }),
    response: mergeByStatus(answersByStatus(document), problemsByStatus(problemsOf(document, access))),
  };
}

interface ResponseDocument {
  readonly description: string;
  readonly headers?: object;
  readonly content?: object;
}

type Responses = { readonly [status: string]: ResponseDocument };

/** A status may have an answer and problems: they differ by media type. */
function mergeByStatus(answers: Responses, problems: Responses): Responses {
  const merged = Object.entries(problems).map(([status, problem]) => {
    const answer = answers[status];
    if (answer === undefined) return [status, problem];
    const description = `${answer.description}\n${problem.description}`;
    const headers = { ...answer.headers, ...problem.headers };
    return [status, { description, headers, content: { ...answer.content, ...problem.content } }];
  });
  return { ...answers, ...Object.fromEntries(merged) };
}

function problemsOf(document: RouteDocument, access: Access): readonly ProblemCode[] {
  const withBody = document.body === undefined ? [] : BODY_PROBLEMS;
  const atTheDoor = FOR_OPERATORS.includes(document.tag) ? [] : AT_THE_DOOR;
  const withCredential = access.action === "none" ? [] : ACCESS_PROBLEMS;
  return [...new Set([...EVERYWHERE, ...atTheDoor, ...withBody, ...withCredential, ...document.problems])];
}

function answersByStatus({ answers }: RouteDocument): Responses {
  const entries = Object.entries(answers as { [status: string]: AnswerDocument });
  return Object.fromEntries(
    entries.map(([status, { description, body, headers, mediaType = "application/json" }]) => [
      status,
      {
        description,
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? { type: "null" } : { content: { [mediaType]: { schema: body } } }),
      },
    ]),
  );
}

function problemsByStatus(codes: readonly ProblemCode[]): Responses {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = problemDefinition(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, problemResponse(group)]));
}

function problemResponse(codes: readonly ProblemCode[]): ResponseDocument {
  const lines = codes.map((code) => `- \`${code}\`: ${problemDefinition(code).title}. ${adviceOf(code)}`);
  const types = Type.Object({ type: Type.Enum(codes.map(problemType)) });
  const definitions = codes.map(problemDefinition);
  const isDecided = definitions.some((definition) => definition.isDecided === true);
  return {
    description: lines.join("\n"),
    ...headersOf({
      "Retry-After":
        definitions.some(({ retryAfterSeconds }) => retryAfterSeconds !== undefined) ||
        codes.some((code) => SOMETIMES_RETRIED_LATER.includes(code)),
      Location: codes.includes("outcome-unknown"),
      "WWW-Authenticate": codes.includes("unauthenticated") || codes.includes("forbidden"),
      "Forebay-Session": isDecided || codes.some((code) => SEEN_PROBLEMS.includes(code)),
      "Idempotency-Replayed": isDecided,
    }),
    content: { [PROBLEM_MEDIA_TYPE]: { schema: { allOf: [PROBLEM_REFERENCE, types] } } },
  };
}

const PROBLEM_HEADERS = {
  "Retry-After": Type.Integer({ minimum: 1, description: "When to come back, in seconds." }),
  "WWW-Authenticate": Type.String({ description: "What kind of credential is wanted, by RFC 6750." }),
  Location: Type.String({ description: "Where to ask what became of the operation." }),
  "Forebay-Session": Type.String({
    description: "The session token, where the log or a read has told the client something.",
  }),
  "Idempotency-Replayed": Type.Literal("true", {
    description: "Present when this is the answer to an earlier try of the same request.",
  }),
};

function headersOf(wanted: { [Name in keyof typeof PROBLEM_HEADERS]: boolean }): object {
  const headers = Object.entries(PROBLEM_HEADERS).filter(([name]) => wanted[name as keyof typeof wanted]);
  return headers.length === 0 ? {} : { headers: Object.fromEntries(headers) };
}

function adviceOf(code: ProblemCode): string {
  const { retry, isDecided } = problemDefinition(code);
  switch (retry) {
    case "never":
      return "Change the request.";
    case "same":
      return isDecided === true
        ? "Send it again, under a new Idempotency-Key if it had one."
        : "Send it again.";
    case "ask":
      return "It may have taken effect: ask for the operation, or send it again with the same Idempotency-Key.";
  }
}

/** What @fastify/swagger starts the document from. */
export function openApiBase(software: string) {
  const table = PROBLEM_CODES.map((code) => {
    const { status, title } = problemDefinition(code);
    return `| \`${code}\` | ${status} | ${title} | ${adviceOf(code)} |`;
  });
  return {
    openapi: "3.1.0",
    info: {
      title: "Forebay",
      version: software,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description: [
        "A geo-replicated record store: write to the nearest region, read there at once, and everywhere soon.",
        "",
        "Every refusal is a problem by RFC 9457, with one of these codes in its `type`:",
        "",
        "| code | status | meaning | advice |",
        "|---|---|---|---|",
        ...table,
      ].join("\n"),
    },
    tags: [
      { name: "records", description: "Writing and reading records." },
      { name: "escrows", description: "Numbers with a bound, of which each region may take its share." },
      { name: "transactions", description: "Writing several records, all or none." },
      { name: "leases", description: "Who may do what only one may do at a time." },
      { name: "collections", description: "Schemas of collections." },
      { name: "operations", description: "What became of a write." },
      { name: "conflicts", description: "What lost to another write, and the way back for it." },
      {
        name: "verification",
        description: "Whether all regions hold the same, and setting right what differs, for operators.",
      },
      { name: "backup", description: "All that a partition holds at one position, to be kept elsewhere." },
      {
        name: "audit",
        description: "What operators have done, as a chain that shows whether it was changed.",
      },
      { name: "access", description: "API keys for services." },
      { name: "region", description: "The region itself, for operators." },
    ],
    components: {
      securitySchemes: { [CREDENTIAL]: CREDENTIAL_DOCUMENT },
      schemas: {
        Problem: ProblemAnswer,
        ProblemType: Type.Enum(PROBLEM_CODES.map(problemType), { description: "All types of problem." }),
      },
      responses: Object.fromEntries(
        OUTSIDE_ROUTES.map((code) => [
          code,
          {
            description: `\`${code}\`: ${problemDefinition(code).title}.`,
            content: { [PROBLEM_MEDIA_TYPE]: { schema: PROBLEM_REFERENCE } },
          },
        ]),
      ),
    },
  };
}
