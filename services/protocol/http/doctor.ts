/** Answer of `/v1/doctor`. */
import { Type, type Static } from "typebox";
import { DOCTOR_VERDICTS } from "../../core/doctor/check.ts";

export const CheckAnswer = Type.Object(
  {
    name: Type.String({ description: "Lower-case words and hyphens." }),
    verdict: Type.Enum([...DOCTOR_VERDICTS]),
    found: Type.String(),
    advice: Type.Optional(Type.String({ description: "What to change; absent where nothing is to be." })),
  },
  { additionalProperties: false },
);

export const DoctorAnswer = Type.Object(
  {
    region: Type.String(),
    now_ms: Type.Integer({ description: "By the clock of the process, when it answers." }),
    checks: Type.Array(CheckAnswer),
    versions: Type.Object(
      {
        software: Type.String(),
        entry: Type.Integer({ description: "Highest version of log entries that it writes." }),
        node: Type.String(),
        postgres: Type.Optional(Type.String({ description: "Absent where it does not answer." })),
        nats: Type.Optional(Type.String({ description: "Absent where it does not answer." })),
      },
      { additionalProperties: false },
    ),
    partitions: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false },
);

export type CheckAnswer = Static<typeof CheckAnswer>;
export type DoctorAnswer = Static<typeof DoctorAnswer>;
