/** Builds `forebay/client` into one file, as the bundler of an app for browsers would. */
import { join } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";

/** @returns the code, minified. */
export async function bundleClient(root = packageRoot()): Promise<string> {
  const { build } = await import("vite");
  const built = await build({
    root,
    configFile: false,
    logLevel: "warn",
    build: {
      write: false,
      target: "es2022",
      minify: true,
      modulePreload: false,
      // Not as a library: those keep comments and white space, which apps' bundlers remove.
      rolldownOptions: {
        input: join(root, "services/client/index.ts"),
        preserveEntrySignatures: "strict",
      },
    },
  });
  const [bundle] = Array.isArray(built) ? built : [built];
  if (bundle === undefined || !("output" in bundle)) throw new Error("vite has built nothing");
  const [chunk, ...others] = bundle.output;
  if (others.length > 0 || chunk.imports.length > 0) throw new Error("the client is more than one file");
  return chunk.code;
}
