/** Operation ids are UUIDs in their canonical form, which PostgreSQL gives back as it took it. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isOperationId(text: string): boolean {
  return UUID.test(text);
}
