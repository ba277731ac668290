/** Every route of the API, the console's and the reference's. */
import type { FastifyInstance } from "fastify";
import { readConsoleFiles } from "./console-files.ts";
import { addApiKeyRoutes } from "./routes/api-keys.ts";
import { addAuditRoutes } from "./routes/audit.ts";
import { addBackupRoutes } from "./routes/backups.ts";
import { addChangesRoute } from "./routes/changes.ts";
import { addClusterRoutes } from "./routes/cluster.ts";
import { addChaosRoutes } from "./routes/chaos.ts";
import { addCollectionRoutes } from "./routes/collections.ts";
import { addConflictRoutes } from "./routes/conflicts.ts";
import { addConsoleRoutes } from "./routes/console.ts";
import { addDoctorRoutes } from "./routes/doctor.ts";
import { addEscrowRoutes } from "./routes/escrows.ts";
import { addImportRoute } from "./routes/import.ts";
import { addHistoryRoutes } from "./routes/history.ts";
import { addLeaderRoutes } from "./routes/leaders.ts";
import { addMemberRoutes } from "./routes/members.ts";
import { addLogLevelRoutes } from "./routes/log-level.ts";
import { addLeaseRoutes } from "./routes/leases.ts";
import { addLogRoutes } from "./routes/logs.ts";
import { addOperationRoutes } from "./routes/operations.ts";
import { addRecordWriteRoutes } from "./routes/record-writes.ts";
import { addRecordRoutes } from "./routes/records.ts";
import { addReferenceRoute } from "./routes/reference.ts";
import { addRegionRoutes } from "./routes/region.ts";
import { addSubscribeRoute } from "./routes/subscribe.ts";
import { addTransactionRoutes } from "./routes/transactions.ts";
import { addVerificationRoutes } from "./routes/verifications.ts";
import type { RouteContext } from "./route-context.ts";
import type { HttpServerOptions } from "./server.ts";
import { Upgrades } from "./upgrades.ts";

type ServerContext = HttpServerOptions & RouteContext;

export async function addRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  addRecordWriteRoutes(app, context);
  addRecordRoutes(app, context);
  addImportRoute(app, context);
  addHistoryRoutes(app, context);
  addEscrowRoutes(app, context);
  addTransactionRoutes(app, context);
  addLeaseRoutes(app, context);
  addCollectionRoutes(app, context);
  addOperationRoutes(app, context);
  addConflictRoutes(app, context);
  addVerificationRoutes(app, context);
  addBackupRoutes(app, context);
  addRegionRoutes(app, context);
  addLeaderRoutes(app, context);
  addLogRoutes(app, context);
  addLogLevelRoutes(app, context);
  addMemberRoutes(app, context);
  const upgrades = new Upgrades(app.server);
  const { clusterViews: views, feedMetrics, chaos, consoleFolder, followersMax } = context;
  if (views !== undefined) await addClusterRoutes(app, context, { views, upgrades });
  await addSubscribeRoute(app, context, { upgrades, feedMetrics, socketsMax: followersMax });
  addChangesRoute(app, context, { feedMetrics, streamsMax: followersMax });
  if (chaos !== undefined) addChaosRoutes(app, { ...context, chaos });
  const consoleFiles =
    consoleFolder === undefined ? new Map<never, never>() : readConsoleFiles(consoleFolder);
  addConsoleRoutes(app, { ...context, consoleFiles });
  addReferenceRoute(app, context);
  addAuditRoutes(app, context);
  addApiKeyRoutes(app, context);
  addDoctorRoutes(app, context);
}
