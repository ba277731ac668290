/** How far an import is, in a file beside its source: it says nothing that sending all rows again would not find out. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { CommandError } from "../errors.ts";

const Count = Type.Integer({ minimum: 0 });

const State = Type.Object({
  version: Type.Literal(1),
  /** Of the import: another source, or other options, are another import. */
  import: Type.String(),
  source: Type.String(),
  collection: Type.String(),
  /** All rows up to this one are done. */
  last: Type.Object({ number: Count, place: Type.String() }),
  accepted: Count,
  replayed: Count,
  rejected: Count,
  /** Of the file of rejects, as long as it was then. */
  rejects_bytes: Count,
});
export type ImportState = Static<typeof State>;
const validator = Compile(State);

/** @returns undefined where there is none. @throws {CommandError} when the file is something else. */
export function readState(path: string): ImportState | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CommandError(`${path} can't be read: ${(error as Error).message}`);
  }
  const state = parseOr(text);
  if (validator.Check(state)) return state;
  throw new CommandError(
    `${path} is not the state of an import; delete it to begin anew: rows that were taken are not taken twice`,
  );
}

/** Whole or not at all, also where the process dies meanwhile. */
export function writeState(path: string, state: ImportState): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify(state)}\n`);
  renameSync(fresh, path);
}

export function removeState(path: string): void {
  rmSync(path, { force: true });
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
