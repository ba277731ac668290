/** A browser for tests: Debian's chromium, installed if it is missing, and ended by the handle that it was started with. */
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";
import { runCommand } from "../../../infra/local/command.ts";
import { messageOf } from "../../../infra/local/errors.ts";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const UPDATE_TIMEOUT_MS = 120_000;
const INSTALL_TIMEOUT_MS = 480_000;
const LAUNCH_TIMEOUT_MS = 60_000;
/** What an installation may take, for the hook that launches. */
export const BROWSER_TIMEOUT_MS = UPDATE_TIMEOUT_MS + INSTALL_TIMEOUT_MS + LAUNCH_TIMEOUT_MS;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** There is no browser, and none can be had; the message says what to do. */
export class NoBrowserError extends Error {
  override readonly name = "NoBrowserError";
}

/** With a new profile, which goes with it. @throws {NoBrowserError} */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = installedBrowser() ?? (await installBrowser());
  return chromium.launch({ executablePath, headless: true, args: FLAGS, timeout: LAUNCH_TIMEOUT_MS });
}

function installedBrowser(): string | undefined {
  return PATHS.find((path) => existsSync(path));
}

/** The newest that the system's Debian release has, with its libraries. */
async function installBrowser(): Promise<string> {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (args: readonly string[], timeoutMs: number) =>
    runCommand("apt-get", ["-o", "DPkg::Lock::Timeout=120", ...args], { timeoutMs, environment });
  try {
    await apt(["update"], UPDATE_TIMEOUT_MS);
    await apt(["install", "--yes", "--no-install-recommends", "chromium"], INSTALL_TIMEOUT_MS);
  } catch (error) {
    throw new NoBrowserError(
      `the console's tests need a browser, and there is none at ${PATHS.join(", ")}. ` +
        `It can't be installed here (${messageOf(error)}); as root, apt-get install chromium does it`,
      { cause: error },
    );
  }
  const path = installedBrowser();
  if (path === undefined)
    throw new NoBrowserError("apt-get has installed chromium, and it is not where it was expected");
  return path;
}
