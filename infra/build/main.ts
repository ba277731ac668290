/** What `npm run build` does after the compiler: what has no source is taken out, the console's page, and region processes in one file. */
import { buildBundle } from "./bundle.ts";
import { buildConsole } from "./console.ts";
import { pruneBuild } from "./prune.ts";

pruneBuild();
await buildConsole();
await buildBundle("region", "dist/services/region/run.js");
