/** Who may read a tenant's views: logins of the database, each with its tenants. Done by whoever may make roles there. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { READER_ROLE, SHARED_SCHEMA, tenantSchema } from "../../../core/sql/names.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** How long to wait for a process of the region that makes a view at the moment. */
const LOCK_TIMEOUT_MS = 10_000;
const PASSWORD_BYTES = 24;
/** Of one login: what it may take of the server's connections. */
const CONNECTIONS_MAX = 16;

export interface ReaderGrant {
  readonly login: string;
  readonly tenant: string;
}

/** It must not be granted: it could read everything anyway. */
export class UnfitLoginError extends Error {
  override readonly name = "UnfitLoginError";
}

/**
 * Lets a login read a tenant's views. One that is not there is made.
 * @param options.password of a new login; made up without it.
 * @returns the password of a login that was made.
 * @throws {UnfitLoginError}; what the database refuses.
 */
export function grantReader(
  url: string,
  { login, tenant, password = newPassword() }: ReaderGrant & { readonly password?: string | undefined },
): Promise<string | undefined> {
  return inTransaction(url, async (client) => {
    await waitForTurn(client);
    await makeReaderRole(client);
    const isNew = (await client.query("select from pg_roles where rolname = $1", [login])).rowCount === 0;
    const name = client.escapeIdentifier(login);
    if (isNew)
      await client.query(
        `create role ${name} login connection limit ${CONNECTIONS_MAX} password ${client.escapeLiteral(password)}`,
      );
    else await checkFit(client, login);
    await client.query(`grant ${READER_ROLE} to ${name}`);
    await client.query(
      "insert into public.reader_tenants (login, tenant, schema) values ($1, $2, $3) on conflict do nothing",
      [login, tenant, tenantSchema(tenant)],
    );
    await client.query("select public.forebay_grant_readers()");
    const { rows } = await client.query<{ name: string }>("select current_database() as name");
    const database = client.escapeIdentifier(rows[0]!.name);
    const path = [tenantSchema(tenant), SHARED_SCHEMA].map((schema) => client.escapeIdentifier(schema));
    await client.query(`alter role ${name} in database ${database} set search_path = ${path.join(", ")}`);
    return isNew ? password : undefined;
  });
}

/** @returns whether the login could read the tenant's views. What it reads at the moment is read to its end. */
export function revokeReader(url: string, { login, tenant }: ReaderGrant): Promise<boolean> {
  return inTransaction(url, async (client) => {
    await waitForTurn(client);
    const values = [login, tenant];
    const removed = await client.query(
      "delete from public.reader_tenants where login = $1 and tenant = $2",
      values,
    );
    const left = await client.query("select from public.reader_tenants where login = $1", [login]);
    if (removed.rowCount !== 1) return false;
    const name = client.escapeIdentifier(login);
    const schema = tenantSchema(tenant);
    const made = await client.query("select from pg_namespace where nspname = $1", [schema]);
    if (made.rowCount === 1)
      await client.query(`revoke usage on schema ${client.escapeIdentifier(schema)} from ${name}`);
    if (left.rowCount === 0) await client.query(`revoke ${READER_ROLE} from ${name}`);
    return true;
  });
}

export function listReaders(url: string): Promise<ReaderGrant[]> {
  return inTransaction(url, async (client) => {
    const text = "select login, tenant from public.reader_tenants order by login, tenant";
    return (await client.query<ReaderGrant & object>(text)).rows;
  });
}

export function newPassword(): string {
  return randomBytes(PASSWORD_BYTES).toString("base64url");
}

async function makeReaderRole(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query("select from pg_roles where rolname = $1", [READER_ROLE]);
  if (rowCount === 0) await client.query(`create role ${READER_ROLE} nologin`);
}

/** Two that grant or revoke rights to the same schema at once would fail. */
async function waitForTurn(client: pg.Client): Promise<void> {
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await client.query("select from public.sql_locks where name = 'views' for update");
}

/** Whoever owns the tables, or reads all of them, is held by no view. */
const FITNESS = `select r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication
    or pg_has_role(r.oid, c.relowner, 'member') or pg_has_role(r.oid, 'pg_read_all_data', 'member')
    or has_table_privilege(r.oid, c.oid, 'select') as is_unfit, r.rolcanlogin as can_login
  from pg_roles r, pg_class c where r.rolname = $1 and c.oid = 'public.records'::regclass`;

async function checkFit(client: pg.Client, login: string): Promise<void> {
  const { rows } = await client.query<{ is_unfit: boolean; can_login: boolean }>(FITNESS, [login]);
  if (rows[0]?.is_unfit === true)
    throw new UnfitLoginError(
      `"${login}" could get at the records of all tenants without any view: take a login without such rights`,
    );
  if (rows[0]?.can_login === false) throw new UnfitLoginError(`"${login}" is a role that can't log in`);
}

async function inTransaction<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "forebay sql",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
  });
  // A connection that breaks fails the statement that is under way.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("begin");
    await client.query("set local search_path = pg_catalog, public");
    const result = await work(client);
    await client.query("commit");
    return result;
  } finally {
    await client.end().catch(() => undefined);
  }
}
