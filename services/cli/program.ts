/** The forebay command: its subcommands put together. */
import { Command } from "commander";
import { addAuditCommand } from "./commands/audit.ts";
import { addBackupCommand } from "./commands/backup.ts";
import { addChaosCommand } from "./commands/chaos.ts";
import { addConflictsCommand } from "./commands/conflicts.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEscrowCommand } from "./commands/escrow.ts";
import { addGetCommand } from "./commands/get.ts";
import { addLeaderCommand } from "./commands/leader.ts";
import { addLogLevelCommand } from "./commands/log-level.ts";
import { addLogCommand } from "./commands/log.ts";
import { addPutCommand } from "./commands/put.ts";
import { addRegionCommand } from "./commands/region.ts";
import { addRepairCommand, addRepairsCommand } from "./commands/repair.ts";
import { addRestoreCommand } from "./commands/restore.ts";
import { addSchemaCommand } from "./commands/schema.ts";
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
  addPutCommand(program);
  addSchemaCommand(program);
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
  addRegionCommand(program);
  addAuditCommand(program);
  addDoctorCommand(program);
  return program;
}
