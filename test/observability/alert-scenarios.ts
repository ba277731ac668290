/** One fault per alert at least: what a cluster tells then, and what an operator reads of it. */
import { BUFFERS } from "./scenarios/buffers.ts";
import { LOG, VERIFICATION } from "./scenarios/log.ts";
import { REGIONS } from "./scenarios/regions.ts";
import type { AlertScenario } from "./scenarios/scenario.ts";
import { USERS } from "./scenarios/users.ts";

export const ALERT_SCENARIOS: readonly AlertScenario[] = [
  ...USERS,
  ...REGIONS,
  ...BUFFERS,
  ...LOG,
  ...VERIFICATION,
];
