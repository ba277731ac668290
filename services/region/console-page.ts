/** What the HTTP server needs for the console's page: where it was built, and where faults may be ordered. */
import { join } from "node:path";
import { ChaosControl } from "../adapters/system/chaos-control.ts";
import type { HttpServerOptions } from "../gateway/http/server.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { packageRoot } from "../runtime/package-root.ts";

export function consolePage({ chaos }: RegionConfig): Pick<HttpServerOptions, "consoleFolder" | "chaos"> {
  return {
    consoleFolder: join(packageRoot(), "dist", "console"),
    chaos: chaos && new ChaosControl(chaos),
  };
}
