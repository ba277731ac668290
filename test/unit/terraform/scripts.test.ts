/** The scripts that Terraform puts into tasks and machines, run as they are there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
