/** What `npm run build` does after the compiler: the console's page, and region processes in one file. */
import { buildBundle } from "./bundle.ts";
import { buildConsole } from "./console.ts";

await buildConsole();
await buildBundle("region", "dist/services/region/run.js");
