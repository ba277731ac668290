/** Body and answer of `/v1/log-level`. */
import { Type, type Static } from "typebox";

export const LOG_LEVEL_MS_DEFAULT = 600_000;
export const LOG_LEVEL_MS_MIN = 1_000;
export const LOG_LEVEL_MS_MAX = 86_400_000;
export const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

const Level = Type.Enum([...LEVELS]);

export const LogLevelBody = Type.Object(
  {
    level: Level,
    for_ms: Type.Optional(
      Type.Integer({
        minimum: LOG_LEVEL_MS_MIN,
        maximum: LOG_LEVEL_MS_MAX,
        default: LOG_LEVEL_MS_DEFAULT,
        description: "Then it falls back to what is configured.",
      }),
    ),
  },
  { additionalProperties: false },
);

export const LogLevelAnswer = Type.Object(
  {
    region: Type.String(),
    level: Level,
    configured: Level,
    left_ms: Type.Optional(
      Type.Integer({ minimum: 0, description: "Until it is as configured; absent where it is." }),
    ),
  },
  { additionalProperties: false },
);

export type LogLevelBody = Static<typeof LogLevelBody>;
export type LogLevelAnswer = Static<typeof LogLevelAnswer>;
