/** Entry point of a region process: loads it in one piece where the build has made one, else module by module. */
import { pathToFileURL } from "node:url";
import { freshBundle } from "../runtime/bundle.ts";
import type * as Region from "./run.ts";

const bundle = freshBundle("region");
const { runRegion } =
  bundle === undefined
    ? await import("./run.ts")
    : ((await import(pathToFileURL(bundle).href)) as typeof Region);
await runRegion();
