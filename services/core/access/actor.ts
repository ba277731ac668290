/** Who did something, as the audit trail has it: kind of credential, name and tenant, so that no name can be taken for another's. */

/** Anything else is quoted: a name could say that it is somebody else's. */
const PLAIN = /^[A-Za-z0-9_.:@|+/-]+$/;

export const ADMIN_KEY_ACTOR = "admin key";

export function tokenActor(subject: string, tenant: string): string {
  return `token ${named(subject)} of ${tenant}`;
}

export function keyActor({ id, name, tenant }: { id: string; name: string; tenant: string }): string {
  return `key ${id} (${named(name)}) of ${tenant}`;
}

function named(name: string): string {
  return PLAIN.test(name) ? name : JSON.stringify(name);
}
