/** Who runs a command, for the audit trail: the operating system's name of the user and of the machine. */
import { hostname, userInfo } from "node:os";
import { ACTOR_LENGTH_MAX } from "../protocol/http/audit.ts";

export function actor(): string {
  const text = `${userName()}@${hostname()}`.replaceAll(/[^\x20-\x7e]/g, "?");
  return text.slice(0, ACTOR_LENGTH_MAX);
}

/** A user id without a name has none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
