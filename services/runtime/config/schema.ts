/** All options of a region process. Whatever reads, checks, shows or documents the configuration does it by this table. */
import type { Option, ValuesOf } from "./option.ts";
import { accessOptions, tokensOptions } from "./options/access.ts";
import { keepingOptions, placementOptions, verificationOptions, walOptions } from "./options/keeping.ts";
import { admissionOptions, httpOptions, processOptions } from "./options/process.ts";
import { trialOptions } from "./options/trial.ts";
import { natsOptions, postgresOptions } from "./options/wire.ts";

export const OPTIONS = {
  process: processOptions,
  http: httpOptions,
  postgres: postgresOptions,
  nats: natsOptions,
  access: accessOptions,
  tokens: tokensOptions,
  wal: walOptions,
  keeping: keepingOptions,
  admission: admissionOptions,
  verification: verificationOptions,
  placement: placementOptions,
  trial: trialOptions,
};

export type Subject = keyof typeof OPTIONS;
export type Values = { readonly [Name in Subject]: ValuesOf<(typeof OPTIONS)[Name]> };

/** What readers of the reference are told each subject is. */
export const SUBJECT_TITLES: Readonly<Record<Subject, string>> = {
  process: "The process",
  http: "HTTP",
  postgres: "PostgreSQL",
  nats: "NATS",
  access: "Access",
  tokens: "Tokens of an identity provider",
  wal: "What may wait in the WAL",
  keeping: "How long what is kept",
  admission: "What the process takes on",
  verification: "Verification and repair",
  placement: "Leaders of the log",
  trial: "Clusters on one machine, and tests",
};

/** Where the file is that may hold the options; itself only in the environment, or on the command line as `--config`. */
export const CONFIG_FILE_VARIABLE = "FOREBAY_CONFIG_FILE";

export const SUBJECTS = Object.keys(OPTIONS) as readonly Subject[];

export function optionsOf(subject: Subject): readonly Option<unknown>[] {
  return Object.values(OPTIONS[subject]);
}

export const ALL_OPTIONS: readonly Option<unknown>[] = SUBJECTS.flatMap(optionsOf);
