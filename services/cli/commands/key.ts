/** `forebay key`: makes, lists and revokes what services prove with who they are. */
import { createHash, randomBytes } from "node:crypto";
import type { Command } from "commander";
import type { ApiKeyListAnswer, NewApiKeyAnswer } from "../../protocol/http/api-keys.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import { findRegion } from "../cluster.ts";
import { collect, withCommonOptions, type CommonOptions } from "../common-options.ts";
import { parseDuration } from "../duration.ts";
import { callApi } from "../http.ts";
import { formatTable } from "../table.ts";

const KEYS_PATH = `${API_PREFIX}/api-keys`;
const SECRET_BYTES = 32;

interface CreateOptions extends CommonOptions {
  readonly scope: readonly string[];
  readonly tenant?: string;
  readonly expires?: number;
  readonly json?: boolean;
}

export function addKeyCommand(program: Command): void {
  const key = program.command("key").description("API keys of services");
  addCreate(key);
  addList(key);
  addRevoke(key);
  addAdmin(key);
}

function addCreate(key: Command): void {
  withCommonOptions(key.command("create <name>"))
    .description("make a key; it is shown this once")
    .requiredOption(
      "--scope <scope>",
      "what it is good for: read:, write:orders, admin:, metrics, cluster …; may be repeated",
      collect,
    )
    .option("--tenant <tenant>", "of this tenant (default: that of the key it is made with)")
    .option("--expires <duration>", "holds so long, such as 90d", parseDuration)
    .option("--json", "print the region's answer")
    .action(async (name: string, options: CreateOptions) => {
      const { scope, tenant, expires } = options;
      const body = {
        name,
        scopes: scope,
        ...(tenant === undefined ? {} : { tenant }),
        ...(expires === undefined ? {} : { expires_at_ms: Date.now() + expires }),
      };
      const answer = await callApi(findRegion(options), { method: "POST", path: KEYS_PATH, body });
      const made = answer.body as NewApiKeyAnswer;
      process.stdout.write(`${options.json === true ? JSON.stringify(made, null, 2) : made.key}\n`);
    });
}

function addList(key: Command): void {
  withCommonOptions(key.command("list", { isDefault: true }))
    .description("list keys, without their secrets")
    .option("--tenant <tenant>", "of one tenant")
    .option("--json", "print them as JSON")
    .action(async (options: CommonOptions & { tenant?: string; json?: boolean }) => {
      const keys = await listKeys(options);
      const text = options.json === true ? JSON.stringify(keys, null, 2) : formatKeys(keys);
      process.stdout.write(`${text}\n`);
    });
}

async function listKeys(options: CommonOptions & { tenant?: string }): Promise<ApiKeyListAnswer["api_keys"]> {
  const region = findRegion(options);
  const keys: ApiKeyListAnswer["api_keys"] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({
      ...(options.tenant === undefined ? {} : { tenant: options.tenant }),
      ...(cursor === undefined ? {} : { cursor }),
    }).toString();
    const { body } = await callApi(region, { path: query === "" ? KEYS_PATH : `${KEYS_PATH}?${query}` });
    const page = body as ApiKeyListAnswer;
    keys.push(...page.api_keys);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return keys;
}

export function formatKeys(keys: ApiKeyListAnswer["api_keys"]): string {
  if (keys.length === 0) return "there are no API keys";
  const lines = keys.map(({ id, tenant, name, scopes, made_at_ms: madeAtMs, expires_at_ms: endMs }) => {
    return [
      id,
      tenant,
      name,
      scopes.join(" "),
      dayOf(madeAtMs),
      endMs === undefined ? "never" : dayOf(endMs),
    ];
  });
  return formatTable(["id", "tenant", "name", "scopes", "made", "expires"], lines);
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function addRevoke(key: Command): void {
  withCommonOptions(key.command("revoke <id>"))
    .description("revoke a key, for good; every region refuses it within 5 s of hearing so")
    .action(async (id: string, options: CommonOptions) => {
      await callApi(findRegion(options), {
        method: "DELETE",
        path: `${KEYS_PATH}/${encodeURIComponent(id)}`,
      });
      process.stdout.write(`key ${id} is revoked\n`);
    });
}

function addAdmin(key: Command): void {
  key
    .command("admin")
    .description("make an admin key, and the setting by which region processes take it; asks no region")
    .action(() => {
      const text = `fb_admin_${randomBytes(SECRET_BYTES).toString("base64url")}`;
      const hash = createHash("sha256").update(text).digest("hex");
      process.stdout.write(`key: ${text}\nFOREBAY_ADMIN_KEY_SHA256=${hash}\n`);
    });
}
