/**
 * Where answers go: below an inbox of the region's own, so that a server's permissions can keep it to itself.
 * Upper case: no region can be called so.
 */
import { assert } from "../../core/assert.ts";

export const INBOX = "_INBOX";
const TOKEN = /^[a-z][a-z0-9-]*$/;

/** Of whoever makes, trims and deletes streams. */
export const MAINTENANCE_INBOX = `${INBOX}.MAINTENANCE`;

export function inboxPrefixOf(region: string): string {
  assert(TOKEN.test(region), `"${region}" has to be a plain name`);
  return `${INBOX}.${region}`;
}

/**
 * Whether an answer may be sent there. Whoever asks names the subject, and no permission of the asker's holds for it: an
 * answer to anything else would be published in our name, to a log too.
 */
export function isInbox(subject: string): boolean {
  return subject.startsWith(`${INBOX}.`);
}
