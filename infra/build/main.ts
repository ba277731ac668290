/** What `npm run build` does after the compiler: the console's page. */
import { buildConsole } from "./console.ts";

await buildConsole();
