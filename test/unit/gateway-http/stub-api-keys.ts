/** API keys over records in memory: the service is the real one. */
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { SystemSecrets } from "../../../services/adapters/system/secrets.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import { EMPTY_SESSION } from "../../../services/core/session.ts";
import { ApiKeys, type ApiKeysOptions } from "../../../services/gateway/access/api-keys.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { WriteResult } from "../../../services/gateway/gateway.ts";
import type { Clock } from "../../../services/ports/clock.ts";

type KeyGateway = ReturnType<ApiKeysOptions["gateway"]>;
type Fields = { readonly [name: string]: JsonValue };

export class StubKeyRecords implements KeyGateway {
  readonly records = new Map<string, Fields>();
  hasCollection = false;
  reads = 0;
  /** What every call is refused with. */
  trouble: Error | undefined;

  read: KeyGateway["read"] = async ({ key }) => {
    this.reads += 1;
    this.#check();
    const fields = this.records.get(key);
    if (fields === undefined) throw new GatewayError("record-not-found", "none");
    return {
      key,
      fields,
      version: "1",
      pending: 0,
      asOf: { partition: 0, sequence: 1 },
      session: EMPTY_SESSION,
    };
  };

  list: KeyGateway["list"] = async ({ after = "", limit }) => {
    this.#check();
    const keys = [...this.records.keys()].filter((key) => key > after).sort();
    const records = keys.slice(0, limit).map((key) => {
      return { key, fields: this.records.get(key)!, version: "1", pending: 0 };
    });
    return { records, next: keys.length > limit ? keys[limit - 1] : undefined, session: EMPTY_SESSION };
  };

  write: KeyGateway["write"] = async ({ key, body }) => {
    this.#check();
    this.records.set(key, (body as { set: Fields }).set);
    return {} as WriteResult;
  };

  remove: KeyGateway["remove"] = async ({ key }) => {
    this.#check();
    this.records.delete(key);
    return {} as WriteResult;
  };

  putCollection: KeyGateway["putCollection"] = async ({ tenant, name, schema }) => {
    this.hasCollection = true;
    return { tenant, name, version: 1, schema };
  };

  #check(): void {
    if (this.trouble !== undefined) throw this.trouble;
    if (!this.hasCollection) throw new GatewayError("unknown-collection", "none");
  }
}

export function stubApiKeys(records = new StubKeyRecords(), clock: Clock = new SystemClock()): ApiKeys {
  return new ApiKeys({ gateway: () => records, clock, secrets: new SystemSecrets() });
}
