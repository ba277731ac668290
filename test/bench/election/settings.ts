/** What a run is asked to measure, from the command line. */
import { OptionError, positiveNumber, readOptions } from "../options.ts";

export const PARTS = ["kills", "quorum", "etcd"] as const;
export type Part = (typeof PARTS)[number];

export interface Settings {
  readonly parts: readonly Part[];
  /** Of each region. */
  readonly localPerSecond: number;
  readonly authoritativePerSecond: number;
  /** Whether what comes together goes in one request, as from the client for apps; otherwise each goes in its own. */
  readonly isTogether: boolean;
  /** How long there is trouble; undefined: what each part's bar says. */
  readonly seconds: number | undefined;
  readonly undisturbedSeconds: number;
  readonly everySeconds: number;
  readonly awaySeconds: number;
  /** A binary of etcd 3.5 or newer. */
  readonly etcdPath: string | undefined;
}

const NAMES = [
  "only",
  "seconds",
  "undisturbed",
  "rate",
  "authoritative",
  "writes",
  "every",
  "away",
  "etcd",
] as const;

/**
 * `--only kills,quorum,etcd` `--seconds 180` `--undisturbed 30` `--rate 1000` `--authoritative 10` `--every 15` `--away 4`
 * `--writes single|together` `--etcd PATH`
 * @throws {OptionError}
 */
export function readSettings(words: readonly string[]): Settings {
  const given = readOptions(words, NAMES);
  return {
    parts: given.only === undefined ? PARTS : given.only.split(",").map(toPart),
    localPerSecond: positiveNumber(given.rate, "rate", 1_000),
    authoritativePerSecond: positiveNumber(given.authoritative, "authoritative", 10),
    isTogether: toIsTogether(given.writes ?? "single"),
    seconds: given.seconds === undefined ? undefined : positiveNumber(given.seconds, "seconds", 0),
    undisturbedSeconds: positiveNumber(given.undisturbed, "undisturbed", 30),
    everySeconds: positiveNumber(given.every, "every", 15),
    awaySeconds: positiveNumber(given.away, "away", 4),
    etcdPath: given.etcd,
  };
}

function toIsTogether(word: string): boolean {
  if (word !== "single" && word !== "together")
    throw new OptionError(`--writes is single or together, not ${word}`);
  return word === "together";
}

function toPart(name: string): Part {
  const part = PARTS.find((part) => part === name);
  if (part === undefined) throw new OptionError(`--only takes ${PARTS.join(", ")}, with commas, not ${name}`);
  return part;
}
