/**
 * The data folder that every PostgreSQL server starts from: made once by initdb and kept → copied → given a password →
 * forced to disk. A copy takes a small part of initdb's time.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand, type CommandOptions } from "./command.ts";
import { installFolder } from "./provision/install.ts";
import { postgresStore, type PostgresPrograms } from "./provision/postgres.ts";
import { makeFolderOf, type ServerUser } from "./server-user.ts";

export interface NewDataFolder {
  /** Where it is made; must not be there, and lie in a folder that the user owns. */
  readonly path: string;
  readonly role: string;
  readonly password: string;
}

export interface TemplateOptions {
  readonly programs: PostgresPrograms;
  readonly user: ServerUser | undefined;
  /** Of the server's own processes. */
  readonly environment: NodeJS.ProcessEnv;
  /** Ends the copying; a template that is being made is finished, since others may wait for it too. */
  readonly signal?: AbortSignal | undefined;
}

/** The C locale sorts by bytes, which is the same on every machine. */
const INITDB_FLAGS = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"];
const TIMEOUT_MS = 120_000;
const KEY_LENGTH = 12;
const PASSWORD_BYTES = 24;

/** Those being made by this process, by their final name: the regions of a cluster ask for one at the same moment. */
const templates = new Map<string, Promise<string>>();

/**
 * Makes a data folder whose superuser has the given name and password; it is on disk when this returns.
 * @throws {CommandError} @throws {ProvisionError} when there is no place for the template.
 */
export async function makeDataFolder(wanted: NewDataFolder, options: TemplateOptions): Promise<void> {
  const { path, role, password } = wanted;
  const command = { ...commandOptions(options, dirname(path)), signal: options.signal };
  const template = await templateFor(role, options);
  await runCommand("cp", ["-Rp", join(template, "data"), path], command);
  // Alone on the folder, and without a server that others could reach; it knows no other way to report an error.
  const single = [
    "--single",
    "-c",
    "exit_on_error=on",
    "-c",
    "log_min_messages=fatal",
    "-D",
    path,
    "postgres",
  ];
  const statement = `alter role ${quoted(role, '"')} password ${quoted(password, "'")}\n`;
  await runCommand(options.programs.postgres, single, { ...command, input: statement });
  // One call for the whole file system is faster than one for each of a thousand files, where there is one.
  const method = process.platform === "linux" ? ["--sync-method=syncfs"] : [];
  await runCommand(options.programs.initdb, ["--sync-only", ...method, "-D", path], command);
}

async function templateFor(role: string, options: TemplateOptions): Promise<string> {
  const store = join(postgresStore(options.user), "data-folders");
  const key = [role, ...INITDB_FLAGS, options.user?.uid ?? process.getuid?.() ?? "own"].join("\0");
  const name = `${options.programs.version}-${createHash("sha256").update(key).digest("hex").slice(0, KEY_LENGTH)}`;
  const path = join(store, name);
  if (isWhole(path)) return path;
  const making = templates.get(path) ?? initialize({ store, name, role }, options);
  templates.set(path, making);
  try {
    return await making;
  } finally {
    templates.delete(path);
  }
}

function initialize(
  { store, name, role }: { readonly store: string; readonly name: string; readonly role: string },
  options: TemplateOptions,
): Promise<string> {
  return installFolder({
    store,
    fill: async (folder) => {
      makeFolderOf(folder, options.user);
      const passwordPath = join(folder, "password");
      // Nobody is ever told it: each copy gets one of its own.
      writeFileSync(passwordPath, randomBytes(PASSWORD_BYTES).toString("hex"), { mode: 0o644 });
      const flags = [`--username=${role}`, `--pwfile=${passwordPath}`, ...INITDB_FLAGS];
      const command = commandOptions(options, folder);
      await runCommand(options.programs.initdb, ["-D", join(folder, "data"), ...flags], command);
      rmSync(passwordPath);
      return name;
    },
    isComplete: isWhole,
  });
}

function isWhole(template: string): boolean {
  return existsSync(join(template, "data"));
}

/** The folder that we are in may be closed to the user. */
function commandOptions({ environment, user }: TemplateOptions, workingFolder: string): CommandOptions {
  return { timeoutMs: TIMEOUT_MS, environment, user, workingFolder };
}

function quoted(text: string, mark: '"' | "'"): string {
  return `${mark}${text.replaceAll(mark, mark + mark)}${mark}`;
}
