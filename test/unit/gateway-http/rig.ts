/** The HTTP server over a gateway without a store, and what it has reported. */
import { StubViews } from "./stub-views.ts";
import {
  buildHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from "../../../services/gateway/http/server.ts";
import type { AnsweredRequest } from "../../../services/gateway/http/metrics.ts";
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { stubApiKeys } from "./stub-api-keys.ts";
import { LogLevels } from "../../../services/runtime/log-levels.ts";
import { silentFeedMetrics } from "../../simulation/metrics.ts";
import { silentLogger, type Logger } from "../../../services/runtime/logger.ts";
import { SECRET, StubGateway } from "./stub-gateway.ts";
import { SessionTokens } from "../../../services/gateway/http/session-tokens.ts";

export interface Rig {
  readonly gateway: StubGateway;
  readonly server: HttpServer;
  readonly answered: AnsweredRequest[];
  readonly logged: object[];
  readonly reasons: string[];
  /** Why it should get no requests although it could serve them. */
  readonly drained: { reason: string | undefined };
}

/** @param options replace what the stub has of its own. */
export async function buildRig(options: Partial<HttpServerOptions> = {}): Promise<Rig> {
  const gateway = new StubGateway();
  const answered: AnsweredRequest[] = [];
  const logged: object[] = [];
  const reasons: string[] = [];
  const drained: Rig["drained"] = { reason: undefined };
  const adjustable = { ...silentLogger, level: "info" };
  const logLevels = new LogLevels({ logger: adjustable, configured: "info", clock: new SystemClock() });
  const logger: Logger = { ...silentLogger, error: (fields) => void logged.push(fields) };
  const server = await buildHttpServer({
    gateway,
    region: "eu",
    software: "0.0.0",
    sessionTokens: new SessionTokens(SECRET),
    logger,
    logLevels,
    doctor: gateway.doctor,
    apiKeys: stubApiKeys(),
    metrics: { answered: (request) => void answered.push(request) },
    feedMetrics: silentFeedMetrics,
    metricsText: async () => "forebay_test 1\n",
    readiness: () => reasons,
    drainReason: () => drained.reason,
    clusterViews: new StubViews(),
    ...options,
  });
  return { gateway, server, answered, logged, reasons, drained };
}
