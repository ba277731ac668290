/** The scripts that Terraform puts into tasks and machines, run as they are there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runCommand } from "../../../infra/local/command.ts";
import { INIT, findTerraform } from "../../terraform/program.ts";
import { TERRAFORM, readTexts } from "../../terraform/tree.ts";

const TIMEOUT_MS = 20_000;
const SCRIPTS = "modules/region/scripts";
const texts = readTexts();
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forebay-scripts-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As a container's entry point does it: the script's text as an argument of node. */
function nodeArguments(name: string): string[] {
  return ["--input-type=module", "--eval", texts.get(`${SCRIPTS}/${name}`)!];
}

describe("the container that writes files", () => {
  const FILES = {
    "topology.yaml": { source: "plain", name: "topology", text: "{}" },
    "nats-user": { source: "secret", name: "nats_user", text: "eu.1:{}" },
  };
  const run = (environment: NodeJS.ProcessEnv) =>
    runCommand(process.execPath, nodeArguments("write-files.js"), {
      timeoutMs: TIMEOUT_MS,
      environment: { FILES: JSON.stringify(FILES), FOLDER: folder, ...environment },
    });

  it("writes each with what it is made of, for everybody in the task to read", async () => {
    await run({ TEXT_topology: "name: forebay\n", TEXT_nats_user: "pa$&ss" });
    expect(readdirSync(folder).sort()).toEqual(["nats-user", "topology.yaml"]);
    expect(readFileSync(join(folder, "nats-user"), "utf8")).toBe("eu.1:pa$&ss\n");
    expect(readFileSync(join(folder, "topology.yaml"), "utf8")).toBe("name: forebay\n");
  });

  it("fails where a secret is missing, so that the process is not started", async () => {
    await expect(run({ TEXT_topology: "name: forebay" })).rejects.toThrow("there is no TEXT_nats_user");
  });
});

describe("the watchdog", () => {
  /** A watchdog over a server that answers as it is told. */
  async function watched(status: () => number) {
    const server = createServer((_, response) => response.writeHead(status()).end());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const child = spawn(process.execPath, nodeArguments("watchdog.js"), {
      env: { URL: `http://127.0.0.1:${port}/livez`, EVERY_MS: "5" },
      stdio: "ignore",
      timeout: TIMEOUT_MS,
    });
    const exit = once(child, "exit").then(([code]) => code as number | null);
    return { server, child, exit };
  }

  it("ends when the process answers no more, and not before", async () => {
    let answers = 0;
    const { server, exit } = await watched(() => ((answers += 1) <= 10 ? 200 : 500));
    expect(await exit).toBe(1);
    expect(answers).toBe(14);
    server.close();
  });

  it("is patient until the process has answered once", async () => {
    let answers = 0;
    const { server, child, exit } = await watched(() => {
      answers += 1;
      if (answers === 30) child.kill("SIGTERM");
      return answers <= 20 ? 503 : 200;
    });
    expect(await exit).toBe(0);
    expect(answers).toBeGreaterThanOrEqual(30);
    server.close();
  });
});

describe("the script that gives secrets", () => {
  const script = join(TERRAFORM, "scripts/put-secrets.sh");
  const AWS = `#!/usr/bin/env bash
# Secrets are files: no key is made, and none is asked for over the network.
while [ $# -gt 0 ]; do
  case $1 in
    get-secret-value | put-secret-value) action=$1 ;;
    --region) region=$2 ;;
    --secret-id) path=$STORE/$region-\${2//\\//-} ;;
    --secret-string) file=\${2#file://} ;;
    --query) query=$2 ;;
  esac
  shift
done
[ -z "\${DENIED-}" ] || { echo "AccessDeniedException: not for you" >&2; exit 254; }
if [ "$action" = put-secret-value ]; then cp "$file" "$path"; exit; fi
[ -f "$path" ] || { echo "ResourceNotFoundException: there is no such value" >&2; exit 254; }
if [ "$query" = SecretString ]; then cat "$path"; else echo version; fi
`;

  /** What is kept, and the authority's folder, of a cluster of its own. */
  function place(name: string) {
    const root = join(folder, name);
    const [store, commands, authority] = ["store", "commands", "authority"].map((one) => join(root, one));
    for (const path of [store!, commands!]) mkdirSync(path, { recursive: true });
    writeFileSync(join(commands!, "aws"), AWS, { mode: 0o755 });
    // Only whose they are is of interest: certificates and keys are texts that differ.
    const openssl =
      '#!/usr/bin/env bash\nfor word; do [ "$last" = -out ] && echo "$RANDOM $RANDOM" >"$word"; last=$word; done\n[ "$1" != rand ] || echo abc\n[ "$1" != dgst ] || echo "abc *-"\n';
    writeFileSync(join(commands!, "openssl"), openssl, { mode: 0o755 });
    writeFileSync(join(commands!, "jq"), '#!/usr/bin/env bash\necho "$RANDOM $RANDOM"\n', { mode: 0o755 });
    const run = (words: readonly string[], more: NodeJS.ProcessEnv = {}) =>
      runCommand("bash", [script, ...words], {
        timeoutMs: TIMEOUT_MS,
        environment: {
          PATH: `${commands}:/usr/bin:/bin`,
          STORE: store!,
          FOREBAY_AUTHORITY: authority!,
          ...more,
        },
      });
    const read = () =>
      new Map(readdirSync(store!).map((file) => [file, readFileSync(join(store!, file), "utf8")]));
    return { run, read, authority: authority! };
  }

  const REGIONS = ["eu=eu-central-1", "us=us-east-1"];
  const CERTIFICATE = "eu-central-1-c-eu-nats-certificate";

  it("makes what is not there, and new certificates of the same authority", async () => {
    const { run, read } = place("whole");
    await run(["c", REGIONS[0]!]);
    const first = read();
    expect([...first.keys()].sort()).toEqual([
      "eu-central-1-c-admin-key-sha256",
      CERTIFICATE,
      "eu-central-1-c-metrics-key",
      "eu-central-1-c-nats-ca",
    ]);
    await run(["c", ...REGIONS]);
    expect(read().get(CERTIFICATE)).toBe(first.get(CERTIFICATE));
    expect(read().has("us-east-1-c-us-nats-certificate")).toBe(true);
    await run(["--renew", "c", ...REGIONS]);
    expect(read().get(CERTIFICATE)).not.toBe(first.get(CERTIFICATE));
    expect(read().get("eu-central-1-c-nats-ca")).toBe(first.get("eu-central-1-c-nats-ca"));
  });

  it("signs nothing with another authority where the folder of the servers' own is away", async () => {
    const { run, read, authority } = place("away");
    await run(["c", REGIONS[0]!]);
    const before = read();
    renameSync(authority, `${authority}-safe`);
    for (const words of [
      ["--renew", "c", REGIONS[0]!],
      ["c", ...REGIONS],
    ]) {
      await expect(run(words)).rejects.toThrow("bring that folder back");
      expect(existsSync(authority)).toBe(false);
    }
    // As an earlier run without the folder has made one.
    mkdirSync(authority);
    for (const file of ["ca.key", "ca.pem"]) writeFileSync(join(authority, file), "another\n");
    await expect(run(["--renew", "c", REGIONS[0]!])).rejects.toThrow("bring the right folder back");
    expect(read()).toEqual(before);
  });

  it("renews nothing where nothing was made, and makes nothing where it may not look", async () => {
    const { run, read, authority } = place("nothing");
    await expect(run(["--renew", "c", REGIONS[0]!])).rejects.toThrow("nothing to renew");
    await expect(run(["c", ...REGIONS], { DENIED: "yes" })).rejects.toThrow("AccessDeniedException");
    expect([read().size, existsSync(authority)]).toEqual([0, false]);
  });
});

describe("what a NATS machine is given", () => {
  it("is cloud-init that starts the server with its files, and a script that bash can read", async ({
    skip,
  }) => {
    const terraform = await findTerraform();
    if (terraform === undefined) return skip("there is no terraform of at least 1.11 on PATH");
    try {
      const scratch = mkdtempSync(join(terraform.scratch, "templates-"));
      writeFileSync(join(scratch, "main.tf"), templatesRoot());
      await terraform.run(scratch, INIT);
      await terraform.run(scratch, ["apply", "-auto-approve", "-input=false", "-no-color"]);
      const { cloud_init: cloudInit, prepare } = JSON.parse(
        await terraform.run(scratch, ["output", "-json", "texts"]),
      ) as Record<string, string>;
      const { write_files: files } = parse(cloudInit!) as {
        write_files: { path: string; content: string }[];
      };
      const contentOf = (path: string) => files.find((file) => file.path === path)?.content ?? "";
      expect(contentOf("/etc/hosts")).toContain("10.65.8.10 nats.us.forebay.internal");
      expect(Buffer.from(contentOf("/etc/nats/nats.conf"), "base64").toString()).toBe('server_name: "eu"');
      expect(contentOf("/etc/systemd/system/nats.service")).toContain(
        "ExecStartPre=+/usr/local/sbin/nats-prepare",
      );
      expect(prepare).toContain('variable FOREBAY_NATS_PASSWORD_EU_1 "arn:password"');
      expect(prepare).toContain(
        'FOREBAY_NATS_ROUTE_US: \\"nats://ROUTES:$routes_password@nats.us.forebay.internal:6222',
      );
      const path = join(scratch, "prepare.sh");
      writeFileSync(path, prepare!);
      await runCommand("bash", ["-n", path], { timeoutMs: TIMEOUT_MS });
    } finally {
      terraform.stop();
    }
  });
});

/** A root that does nothing but render the templates. */
function templatesRoot(): string {
  const template = (name: string) => `templatefile("${join(TERRAFORM, "modules/nats", name)}"`;
  return `
locals {
  members = {
    eu = { host = "nats.eu.forebay.internal", address = "10.64.8.10" }
    us = { host = "nats.us.forebay.internal", address = "10.65.8.10" }
  }
}
output "texts" {
  value = {
    cloud_init = ${template("cloud-init.yaml.tftpl")}, {
      region        = "eu"
      server_config = base64encode("server_name: \\"eu\\"")
      hosts         = join("\\n", [for member in local.members : "\${member.address} \${member.host}"])
      start_script  = base64encode("#!/bin/bash")
    })
    prepare = ${template("prepare.sh.tftpl")}, {
      aws_region   = "eu-central-1"
      volume_id    = "vol-0123"
      archive      = { url = "https://example.com/nats.tar.gz", sha256 = "00" }
      secret_arns  = { passwords = { FOREBAY_NATS_PASSWORD_EU_1 = "arn:password", FOREBAY_NATS_ROUTES_PASSWORD = "arn:routes" }, ca = "arn:ca", certificate = "arn:certificate" }
      cluster_port = 6222
      members      = local.members
    })
  }
}
`;
}
