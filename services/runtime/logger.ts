/** Structured logs: one JSON line per event, through pino. Neither secrets nor values of records get into them. */
import { pino } from "pino";

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger whose level can be changed while it is used. */
export interface AdjustableLogger extends Logger {
  level: string;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Members of these names, at the top of a line and one below, are not written whatever they hold. */
const SECRET_NAMES = ["password", "secret", "sessionSecret", "token", "authorization", "cookie"];
/** Values of records, as operations and rows have them. */
const VALUE_NAMES = ["body", "changes", "fields", "value", "values", "before", "after", "record"];
const REDACTED = [...SECRET_NAMES, ...VALUE_NAMES].flatMap((name) => [name, `*.${name}`]);
/** Drivers put addresses with their passwords into messages. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*:)[^\s"\\/]+@/gi;
/** A sole user may be a token. */
const URL_TOKEN = /([a-z][a-z0-9+.-]*:\/\/)[^\s:/@"\\]+@/gi;
const URL_PARAMETER = /([?&][^=&\s"]*(?:pass|secret|token)[^=&\s"]*=)[^&\s"\\]+/gi;

/** @param write takes the lines; default: standard output. */
export function createLogger(options: {
  level: LogLevel;
  fields: Record<string, unknown>;
  write?: (line: string) => void;
}): AdjustableLogger {
  const { level, fields, write } = options;
  const settings = {
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED, censor: "…" },
    hooks: { streamWrite: withoutPasswords },
  };
  return write === undefined ? pino(settings) : pino(settings, { write });
}

function withoutPasswords(line: string): string {
  if (!line.includes("://")) return line;
  return line.replaceAll(URL_PASSWORD, "$1…@").replaceAll(URL_TOKEN, "$1…@").replaceAll(URL_PARAMETER, "$1…");
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
