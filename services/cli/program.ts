/** The forebay command: its subcommands put together. */
import { Command } from "commander";
import { addAuditCommand } from "./commands/audit.ts";
import { addBackupCommand } from "./commands/backup.ts";
import { addChaosCommand } from "./commands/chaos.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addConflictsCommand } from "./commands/conflicts.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEscrowCommand } from "./commands/escrow.ts";
import { addExportCommand } from "./commands/export.ts";
import { addGetCommand } from "./commands/get.ts";
import { addImportCommand } from "./commands/import.ts";
import { addKeyCommand } from "./commands/key.ts";
import { addLeaderCommand } from "./commands/leader.ts";
import { addListCommand } from "./commands/list.ts";
import { addLogLevelCommand } from "./commands/log-level.ts";
import { addLogCommand } from "./commands/log.ts";
import { addNatsCommand } from "./commands/nats.ts";
import { addPutCommand } from "./commands/put.ts";
import { addRegionCommand } from "./commands/region.ts";
import { addRepairCommand, addRepairsCommand } from "./commands/repair.ts";
import { addRestoreCommand } from "./commands/restore.ts";
import { addSchemaCommand } from "./commands/schema.ts";
import { addSqlCommand } from "./commands/sql.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTopCommand } from "./commands/top.ts";
import { addUpCommand } from "./commands/up.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { addWatchCommand } from "./commands/watch.ts";

export function createProgram(version: string): Command {
  const program = new Command("forebay")
    .description("A geo-replicated record store.")
    .version(version)
    .showHelpAfterError("(forebay --help shows how)")
    .exitOverride();
  addUpCommand(program);
  addStatusCommand(program);
  addTopCommand(program);
  addGetCommand(program);
  addListCommand(program);
  addPutCommand(program);
  addImportCommand(program);
  addExportCommand(program);
  addSchemaCommand(program);
  addSqlCommand(program);
  addWatchCommand(program);
  addConflictsCommand(program);
  addEscrowCommand(program);
  addVerifyCommand(program);
  addRepairCommand(program);
  addRepairsCommand(program);
  addBackupCommand(program);
  addRestoreCommand(program);
  addChaosCommand(program);
  addLeaderCommand(program);
  addLogCommand(program);
  addLogLevelCommand(program);
  addNatsCommand(program);
  addRegionCommand(program);
  addAuditCommand(program);
  addConfigCommand(program);
  addKeyCommand(program);
  addDoctorCommand(program);
  return program;
}
