/** The options of `npm run demo:election`. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../local/errors.ts";
import type { WriteClass } from "./recording.ts";

export interface Options {
  readonly help: boolean;
  readonly isShort: boolean;
  /** Per second and region. */
  readonly rates: Readonly<Record<WriteClass, number>>;
  readonly figure: string | undefined;
}

/** Says what is wrong with the command line, and what would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const HELP = `npm run demo:election -- [options]

Three regions under load on this machine, while the log's leader is killed, moved and cut off.

  --rate N                local writes per second in each region (default 200)
  --authoritative-rate N  authoritative writes per second in each region (default 10)
  --short                 half a minute instead of two
  --figure PATH           where the figure goes, an SVG (default: a new temporary folder)
  --help

Exit code 0: no local write failed, everything drained, and all regions hold the same and exactly what was acknowledged.`;

const RATE_MAX = 5_000;

/** @throws {UsageError} */
export function readOptions(words: readonly string[]): Options {
  const values = parse(words);
  const { figure } = values;
  if (figure !== undefined && !existsSync(dirname(resolve(figure)))) {
    throw new UsageError(`--figure ${figure}: there is no folder ${dirname(resolve(figure))}`);
  }
  return {
    help: values.help,
    isShort: values.short,
    rates: {
      local: rateOf("--rate", values.rate),
      authoritative: rateOf("--authoritative-rate", values["authoritative-rate"]),
    },
    figure,
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: { type: "boolean", default: false },
        short: { type: "boolean", default: false },
        rate: { type: "string", default: "200" },
        "authoritative-rate": { type: "string", default: "10" },
        figure: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

function rateOf(name: string, text: string): number {
  const rate = Number(text);
  if (Number.isInteger(rate) && rate >= 1 && rate <= RATE_MAX) return rate;
  throw new UsageError(`${name} ${text}: give a whole number of writes per second from 1 to ${RATE_MAX}`);
}
