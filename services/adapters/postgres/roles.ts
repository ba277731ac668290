/** Who relays and applies a partition: leases by the database's clock. What a late holder still does, its epoch gives away. */
import { RoleRefusedError } from "../../ports/entry-versions.ts";
import type { RoleGrant, Roles, StoreUnavailableError } from "../../ports/region-store.ts";
import { ROLE_REFUSED_FOR_NOW_STATE, ROLE_REFUSED_STATE, sqlStateOf } from "./errors.ts";
import type { Database, Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

/** What ends later than so many terms from now was taken by another clock, as of a primary that has failed: nobody renews that. */
const TTLS_MAX = 10;

// The epoch is kept only while the holder renews in time. One that comes back late counts as a new one: nobody can
// tell what it missed.
const ACQUIRE: Statement = {
  name: "acquire_role",
  text: `insert into roles (role, partition, holder, epoch, expires_at)
         values ($1, $2, $3, 1, clock_timestamp() + $4::bigint * interval '1 millisecond')
         on conflict (role, partition) do update
         set holder = excluded.holder,
             epoch = case when roles.holder = excluded.holder and roles.expires_at > clock_timestamp()
                          then roles.epoch else roles.epoch + 1 end,
             expires_at = clock_timestamp() + $4::bigint * interval '1 millisecond'
         where roles.holder = excluded.holder or roles.expires_at <= clock_timestamp()
            or roles.expires_at > clock_timestamp() + ${TTLS_MAX} * $4::bigint * interval '1 millisecond'
         returning epoch`,
  effect: "writing",
};

const RELEASE: Statement = {
  name: "release_role",
  text: "update roles set expires_at = '-infinity' where role = $1 and partition = $2 and holder = $3",
  effect: "writing",
};

export function openRoles(database: Database): Roles {
  return {
    acquireRole: (options) => acquireRole(database, options),
    async releaseRole({ role, partition, holder }) {
      await database.query(RELEASE, [role, partition, holder]);
    },
  };
}

async function acquireRole(
  database: Database,
  options: Parameters<Roles["acquireRole"]>[0],
): Promise<RoleGrant | undefined> {
  const { role, partition, holder, ttlMs } = options;
  try {
    const [row] = await database.query<{ epoch: string }>(ACQUIRE, [role, partition, holder, ttlMs]);
    return row === undefined ? undefined : { epoch: toNumber(row.epoch) };
  } catch (error) {
    const state = sqlStateOf(error);
    if (state !== ROLE_REFUSED_STATE && state !== ROLE_REFUSED_FOR_NOW_STATE) throw error;
    const { message } = (error as StoreUnavailableError).cause as Error;
    throw new RoleRefusedError(message, { cause: error, isForGood: state === ROLE_REFUSED_STATE });
  }
}
