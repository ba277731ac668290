/** What crosses the control channel of a cluster on one machine: an action and what came of it, or what is broken. */
import { Type, type Static } from "typebox";
import { Action } from "../faults/action.ts";

export const FAULTS_PATH = "/faults";
export const KEY_BYTES = 32;

/** Where the channel is, as it stands in `cluster.json`. */
export const ControlAddress = Type.Object({ url: Type.String(), key: Type.String() });
export type ControlAddress = Static<typeof ControlAddress>;

const Process = Type.Object({
  target: Type.Union([Type.Literal("nats"), Type.Literal("postgres"), Type.Literal("region")]),
  region: Type.String(),
});

/** All that is broken now. */
export const FaultsAnswer = Type.Object({
  links: Type.Array(
    Type.Object({
      from: Type.String(),
      to: Type.String(),
      is_cut: Type.Boolean(),
      latency_ms: Type.Number(),
      jitter_ms: Type.Number(),
      loss_percent: Type.Number(),
    }),
  ),
  paused: Type.Array(Process),
  stopped: Type.Array(Process),
  flapping: Type.Optional(
    Type.Object({
      partition: Type.Integer(),
      every_ms: Type.Number(),
      moves: Type.Integer(),
      problem: Type.Optional(Type.String()),
    }),
  ),
});
export type FaultsAnswer = Static<typeof FaultsAnswer>;

export const DoneAnswer = Type.Object({ told: Type.String(), undo: Type.Optional(Action) });

export const ErrorAnswer = Type.Object({ error: Type.String() });
