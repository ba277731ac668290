/** What somebody may ask to be done to a cluster: as data, so that it can be sent, scripted and undone. */
import { Type, type Static } from "typebox";
import { FAULT_DELAY_MS_MAX } from "./link-fault.ts";

const Name = Type.String({ minLength: 1, maxLength: 64 });
const Partition = Type.Optional(Type.Integer({ minimum: 0, maximum: 1_023 }));
const DelayMs = Type.Optional(Type.Number({ minimum: 0, maximum: FAULT_DELAY_MS_MAX }));
const closed = { additionalProperties: false };

export const FLAP_EVERY_MS_MIN = 100;
export const FLAP_EVERY_MS_MAX = 3_600_000;

/** Changes what is wrong with a link, in both directions or only from `one` to `other`. */
const LinkAction = Type.Object(
  {
    do: Type.Literal("link"),
    one: Name,
    other: Name,
    one_way: Type.Optional(Type.Boolean()),
    is_cut: Type.Optional(Type.Boolean()),
    latency_ms: DelayMs,
    jitter_ms: DelayMs,
    loss_percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
  },
  closed,
);

const ProcessAction = Type.Object(
  {
    do: Type.Union([
      Type.Literal("pause"),
      Type.Literal("resume"),
      Type.Literal("kill"),
      Type.Literal("restart"),
    ]),
    target: Type.Union([Type.Literal("nats"), Type.Literal("postgres"), Type.Literal("region")]),
    region: Name,
  },
  closed,
);

const FlapAction = Type.Object(
  {
    do: Type.Literal("flap-leader"),
    every_ms: Type.Integer({ minimum: FLAP_EVERY_MS_MIN, maximum: FLAP_EVERY_MS_MAX }),
    partition: Partition,
  },
  closed,
);

const PlainAction = Type.Union([
  Type.Object({ do: Type.Literal("stop-flapping") }, closed),
  Type.Object({ do: Type.Literal("kill-leader"), partition: Partition }, closed),
  Type.Object({ do: Type.Literal("heal-link"), one: Name, other: Name }, closed),
  Type.Object({ do: Type.Literal("heal") }, closed),
]);

export const Action = Type.Union([LinkAction, ProcessAction, FlapAction, PlainAction]);

export type Action = Static<typeof Action>;
export type LinkAction = Static<typeof LinkAction>;

/** What was done, and what undoes it, where that is one action. */
export interface Done {
  readonly told: string;
  readonly undo: Action | undefined;
}
