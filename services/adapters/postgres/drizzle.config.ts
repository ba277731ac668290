/** For drizzle-kit: `npx drizzle-kit generate --config services/adapters/postgres/drizzle.config.ts --name <what>` after a change of `schema.ts`. */
import type { Config } from "drizzle-kit";

export default {
  dialect: "postgresql",
  schema: "./services/adapters/postgres/schema.ts",
  out: "./services/adapters/postgres/migrations",
} satisfies Config;
