/**
 * The package as it is published, beside the packages that it depends on and no other: on each Node.js that it is for, its
 * command runs, a region process gets ready, and an app writes and reads through its client. Types are those that the docs promise.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { coldStart, type Started } from "../../../infra/images/cold-start.ts";
import { startOneRegion, type OneRegion } from "../../../infra/images/one-region.ts";
import { runCommand } from "../../../infra/local/command.ts";
import { PortChooser } from "../../../infra/local/ports.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { pack, unpack } from "../../../infra/release/pack.ts";
import { copyProductionPackages } from "../../../infra/release/production.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { NODE_VERSIONS, provideNode } from "./node-versions.ts";

const ROOT = packageRoot();
const TEST_MS = 300_000;
const READY_MS_MAX = 60_000;

const APP = `
import { counter, createClient, defineCollection } from "forebay/client";
const posts = defineCollection("posts", { likes: counter() });
const client = createClient({ regions: { eu: process.argv[2] } });
await client.apply(posts);
const key = process.versions.node;
await Promise.all([1, 2, 3].map((likes) => client.collection(posts).write(key, { inc: { likes } })));
console.log((await client.collection(posts).get(key)).fields.likes);
`;

const TYPED = `
import { authoritative, counter, createClient, defineCollection, type Receipt } from "forebay/client";
const posts = defineCollection("posts", { likes: counter(), status: authoritative.string() });
const records = createClient({ regions: { eu: "https://eu.example.org" } }).collection(posts);
export const liked: Promise<Receipt> = records.write("a", { inc: { likes: 1 } });
export const likes: Promise<number | undefined> = records.get("a").then((record) => record?.fields.likes);
// @ts-expect-error -- a counter is not set
export const wrong = records.write("a", { set: { likes: 1 } });
`;

describe("the published package", () => {
  const folder = makeTemporaryFolder("package");
  const consumer = join(folder.path, "consumer");
  const installed = join(consumer, "node_modules/forebay");
  const ports = new PortChooser();
  let region: OneRegion;

  beforeAll(async () => {
    const tarball = await pack(ROOT, folder.path);
    mkdirSync(installed, { recursive: true });
    await unpack(tarball.path, installed);
    copyProductionPackages(ROOT, consumer);
    writeFileSync(join(consumer, "package.json"), '{"type":"module"}');
    writeFileSync(join(consumer, "app.js"), APP);
    writeFileSync(join(consumer, "typed.ts"), TYPED);
    region = await startOneRegion(join(folder.path, "servers"));
  }, TEST_MS);
  afterAll(async () => {
    await region?.stop();
    folder.remove();
  }, TEST_MS);

  async function start(node: string): Promise<Started> {
    const fileOf = (name: string) => join(region.files, name);
    const { FOREBAY_ADMIN_KEY_SHA256: _, ...environment } = region.environment(fileOf);
    const args = [join(installed, "dist/services/region/main.js")];
    const contained = { command: node, args, environment: {}, isIsolated: false, fileOf };
    return coldStart({
      contained,
      environment: { ...environment, FOREBAY_AUTHENTICATION: "off", FOREBAY_STOP_NOTICE_MS: "0" },
      port: await ports.choose(),
      deadlineMs: READY_MS_MAX,
    });
  }

  it.each(NODE_VERSIONS)(
    "runs on Node.js %s",
    async (version) => {
      const node = await provideNode(version);
      const run = (...args: string[]) =>
        runCommand(node, args, { timeoutMs: READY_MS_MAX, workingFolder: consumer });
      expect(await run("--version")).toBe(`v${version}\n`);
      expect(await run(join(installed, "dist/services/cli/main.js"), "--version")).toMatch(
        /^\d+\.\d+\.\d+\n$/,
      );
      const started = await start(node);
      try {
        expect(await run("app.js", started.url)).toBe("6\n");
      } finally {
        expect(await started.stop()).toBe(0);
      }
    },
    TEST_MS,
  );

  it.each([
    ["node16", ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16],
    ["bundler", ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ])("has types for apps that resolve modules as %s does", (_, module, moduleResolution) => {
    const program = ts.createProgram([join(consumer, "typed.ts")], {
      module,
      moduleResolution,
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    });
    // Those of the app and of the client, and what they need of others.
    const isChecked = ({ fileName }: ts.SourceFile) =>
      fileName.endsWith("typed.ts") || fileName.includes("/forebay/dist/services/client/");
    const files = program.getSourceFiles().filter(isChecked);
    expect(files.length).toBeGreaterThan(10);
    const problems = files
      .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
      .concat(program.getOptionsDiagnostics(), program.getGlobalDiagnostics())
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "));
    expect(problems).toEqual([]);
  });
});
