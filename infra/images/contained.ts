/** Runs the image's program without an engine, as much like a container as the machine allows. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BuiltImage } from "./build.ts";
import { settingOf } from "./dockerfile.ts";

/** Where the process finds files that it is given, as Terraform's tasks and the composition mount them. */
export const FILES_FOLDER = "/run/forebay";

export interface Contained {
  readonly command: string;
  readonly args: readonly string[];
  /** What the image itself sets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the root is its own and can't be written, and the user nobody special; else only the files are the image's. */
  readonly isIsolated: boolean;
  /** The name, inside, of a file of the folder that was given. */
  readonly fileOf: (name: string) => string;
}

/** Paths are of the shell's arguments: $1 root, $2 files, $3 user, and the program from $4 on. */
const ISOLATE = `
mount --bind "$1" "$1" && mount --bind "$2" "$1${FILES_FOLDER}" && mount --bind /proc "$1/proc" && mount -o remount,bind,ro "$1" || exit 125
root="$1"; user="$3"; shift 3
exec chroot --userspec="$user" "$root" "$@"`;

/**
 * @param files a folder whose files the process may read.
 * @param program of the image, such as its entry point and its command.
 */
export function contain(image: BuiltImage, files: string, program = programOf(image)): Contained {
  const environment = variablesOf(settingOf(image.stage, "ENV") ?? "");
  const user = settingOf(image.stage, "USER") ?? "0:0";
  if (!mayIsolate()) {
    const [first = "", ...others] = program.map((word) =>
      word.startsWith("/") ? join(image.root, word) : word,
    );
    const command = first === "node" ? join(image.root, "usr/local/bin/node") : first;
    return { command, args: others, environment, isIsolated: false, fileOf: (name) => join(files, name) };
  }
  // As engines do: what is mounted there they make before the root is closed.
  for (const place of [FILES_FOLDER, "proc"]) mkdirSync(join(image.root, place), { recursive: true });
  return {
    command: "unshare",
    args: [
      "--mount",
      "--propagation=private",
      "sh",
      "-c",
      ISOLATE,
      "sh",
      image.root,
      files,
      user,
      ...program,
    ],
    environment: { ...environment, PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    isIsolated: true,
    fileOf: (name) => join(FILES_FOLDER, name),
  };
}

/** The entry point and the command, both as lists. */
export function programOf({ stage }: BuiltImage): readonly string[] {
  return ["ENTRYPOINT", "CMD"].flatMap(
    (keyword) => JSON.parse(settingOf(stage, keyword) ?? "[]") as string[],
  );
}

/** `A=b C=d`, as ENV has them. */
export function variablesOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, name = "", value = ""]) => [
      name,
      value.replaceAll('"', ""),
    ]),
  );
}

function mayIsolate(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync(
      "unshare",
      ["--mount", "--propagation=private", "sh", "-c", "mount --bind / / && command -v chroot"],
      {
        stdio: "ignore",
        timeout: 10_000,
      },
    );
    return true;
  } catch {
    return false;
  }
}
