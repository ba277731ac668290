/** Route by which a region is examined: what it stands on, and what to change. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { DoctorAnswer } from "../../../protocol/http/doctor.ts";
import { ENTRY_VERSION } from "../../../protocol/entry-codec.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import type { Doctor, Examination } from "../../doctor/doctor.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { readQuery, type Query } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

export interface DoctorContext extends RouteContext {
  readonly software: string;
  readonly doctor: Pick<Doctor, "examine" | "about">;
}

const doctorDocument: RouteDocument = {
  operationId: "examineRegion",
  summary: "Look at what this region process stands on, and what to change",
  description:
    "Its runtime and configuration, clocks, database, nats-server, streams, and what waits for whom. Answers within some seconds, also while none of them does.",
  tag: "region",
  query: Type.Object({
    checks: Type.Optional(
      Type.Enum(["all", "none"], { description: "none: it answers at once, so that its clock can be read." }),
    ),
  }),
  answers: { 200: { description: "Check by check.", body: DoctorAnswer } },
  problems: [],
};

const NOTHING: Examination = { checks: [], postgresVersion: undefined, natsVersion: undefined };

export function addDoctorRoutes(app: FastifyInstance, context: DoctorContext): void {
  const { region, software, doctor } = context;
  addRoute(app, context, {
    method: "GET",
    url: `${API_PREFIX}/doctor`,
    document: doctorDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      const isLook = looksOf(readQuery(query, ["checks"]));
      const { checks, postgresVersion, natsVersion } = isLook ? await doctor.examine() : NOTHING;
      const { nodeVersion, partitions, nowMs } = doctor.about();
      const answer: DoctorAnswer = {
        region,
        now_ms: nowMs,
        checks: [...checks],
        versions: {
          software,
          entry: ENTRY_VERSION,
          node: nodeVersion,
          ...(postgresVersion !== undefined && { postgres: postgresVersion }),
          ...(natsVersion !== undefined && { nats: natsVersion }),
        },
        partitions,
      };
      return JSON.stringify(answer);
    },
  });
}

/** @throws {ProblemError} invalid-parameter. */
function looksOf({ checks = "all" }: Query): boolean {
  if (checks === "all" || checks === "none") return checks === "all";
  throw new ProblemError("invalid-parameter", "checks is all or none", { field: "checks" });
}
