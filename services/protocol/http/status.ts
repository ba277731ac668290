/** The answers of `/v1/status`, `/livez` and `/readyz`. */
import { Type, type Static } from "typebox";
import { REFUSAL_REASONS } from "../../core/admission/reason.ts";

const Count = Type.Integer({ minimum: 0 });

const RegionStatus = Type.Object(
  {
    region: Type.String(),
    watermark: Type.Integer({ minimum: 0, description: "Its WAL sequence that this region has folded." }),
    wal_head: Type.Optional(
      Type.Integer({ minimum: 0, description: "The end of its WAL at its last tick." }),
    ),
    applied_position: Type.Optional(Count),
    lag_entries: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Log entries that this region has folded and that one had not at its last tick.",
      }),
    ),
    silent_ms: Type.Optional(Type.Integer({ minimum: 0, description: "Log time since its last tick." })),
    software: Type.Optional(Type.String()),
    reads: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "The highest version of log entries that all of its processes read which may fold. The lowest of all regions is what may be used.",
      }),
    ),
  },
  { additionalProperties: false },
);

const BreakerStatus = Type.Object(
  {
    state: Type.Union([Type.Literal("closed"), Type.Literal("open"), Type.Literal("half-open")], {
      description:
        "While it is not closed, what the log has to decide is refused at once, and the WAL absorbs.",
    }),
    reason: Type.Optional(
      Type.Union([Type.Literal("refused"), Type.Literal("timed-out"), Type.Literal("slow")], {
        description: "What the last publish came to: nobody took it, no answer came, or none has come yet.",
      }),
    ),
    open_ms: Type.Integer({ minimum: 0, description: "How long it has not been closed." }),
    slow_after_ms: Type.Integer({
      minimum: 0,
      description:
        "A publish without an answer after this long opens it; follows how long publishes took of late.",
    }),
  },
  { additionalProperties: false },
);

const MemberPlace = Type.Object(
  {
    region: Type.String(),
    position: Type.Integer({ minimum: 0, description: "All up to here it has folded." }),
    since_ms: Type.Integer({
      minimum: 0,
      description: "Log time since which it has told of nothing further, in milliseconds since 1970.",
    }),
  },
  { additionalProperties: false },
);

const TrimStatus = Type.Object(
  {
    log_first: Type.Optional(Type.Integer({ minimum: 0, description: "The first position the log holds." })),
    folded_by_all: Type.Integer({
      minimum: 0,
      description: "Every member that counts has folded the log up to here: nothing beyond is trimmed.",
    }),
    operations_forgotten: Type.Integer({
      minimum: 0,
      description: "Operations that took effect up to this position are no longer known, in any region.",
    }),
    pinned_by: Type.Optional(MemberPlace),
    away: Type.Array(MemberPlace, {
      description:
        "Members that were away for too long: nothing is kept for them, they may need a bootstrap.",
    }),
    needs_bootstrap: Type.Optional(
      Type.Literal(true, {
        description:
          "Present where the log no longer holds what this region would have to fold next. It goes on taking local writes.",
      }),
    ),
  },
  {
    additionalProperties: false,
    description: "From where on things are kept, and which member keeps them from being trimmed.",
  },
);

const BootstrapStatus = Type.Object(
  {
    id: Type.String(),
    stage: Type.Union(
      [
        Type.Literal("ordered"),
        Type.Literal("announced"),
        Type.Literal("clearing"),
        Type.Literal("loading"),
        Type.Literal("folding"),
        Type.Literal("verifying"),
      ],
      { description: "From `announced` on the region reads and writes no records." },
    ),
    reason: Type.String(),
    started_ms: Count,
    source: Type.Optional(Type.String({ description: "The region that the state is loaded from." })),
    rows: Type.Optional(Type.Integer({ minimum: 0, description: "Records, operations and conflicts." })),
    rows_loaded: Type.Optional(Count),
    bytes_loaded: Type.Optional(Count),
    rows_per_second: Type.Optional(Count),
    seconds_left: Type.Optional(Type.Integer({ minimum: 0, description: "Of loading, at this rate." })),
  },
  {
    additionalProperties: false,
    description: "Present while the partition's state is loaded from another region, folded on and verified.",
  },
);

const PartitionStatus = Type.Object(
  {
    partition: Count,
    leader: Type.Optional(
      Type.String({ description: "Absent during an election, or when the log can't be asked." }),
    ),
    term: Type.Optional(Count),
    cluster: Type.Union([Type.String(), Type.Null()]),
    position: Type.Integer({ minimum: 0, description: "The log position that this region has folded." }),
    stale_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Present while the region's database does not answer: how old position, log_time_ms, wal and regions are.",
      }),
    ),
    last_position: Type.Optional(Type.Integer({ minimum: 0, description: "The end of the log." })),
    log_time_ms: Count,
    wal: Type.Object(
      {
        head: Count,
        pending_rows: Count,
        pending_bytes: Count,
        oldest_pending_age_ms: Count,
        trouble: Type.Optional(
          Type.Enum(["rejoining", "displaced"], {
            description:
              "Why it takes nothing: the database went back or is new and waits for the log to take it in, or another has taken its place.",
          }),
        ),
        set_aside_rows: Type.Optional(
          Type.Integer({
            minimum: 1,
            description:
              "Rows that were not sent again when the region rejoined: they might have taken effect before.",
          }),
        ),
      },
      { additionalProperties: false },
    ),
    breaker: BreakerStatus,
    trim: TrimStatus,
    bootstrap: Type.Optional(BootstrapStatus),
    regions: Type.Array(RegionStatus),
  },
  { additionalProperties: false },
);

const DrainStatus = Type.Object(
  {
    since_ms: Type.Integer({ minimum: 0, description: "When it began, in milliseconds since 1970." }),
    pending_rows: Type.Integer({ minimum: 0, description: "Rows of the WAL that are not folded yet." }),
    leads: Type.Array(Count, { description: "Partitions whose log the region leads." }),
    is_drained: Type.Boolean({ description: "Nothing is pending, nothing is led, no process takes writes." }),
  },
  { additionalProperties: false, description: "Present while the region takes no new writes." },
);

const AdmissionStatus = Type.Object(
  {
    state: Type.Enum(["open", "shedding"], {
      description: "shedding: the process asked has refused load within the last seconds.",
    }),
    reason: Type.Optional(
      Type.Enum([...REFUSAL_REASONS], { description: "Which bound it kept with the last refusal." }),
    ),
  },
  { additionalProperties: false },
);

export const StatusAnswer = Type.Object(
  {
    region: Type.String(),
    software: Type.String(),
    draining: Type.Optional(DrainStatus),
    admission: AdmissionStatus,
    partitions: Type.Array(PartitionStatus),
  },
  { additionalProperties: false },
);

export const LiveAnswer = Type.Object({ alive: Type.Literal(true) }, { additionalProperties: false });

export const ReadyAnswer = Type.Object(
  {
    ready: Type.Boolean(),
    reasons: Type.Array(Type.String(), { description: "Why the process is not ready; empty when it is." }),
    draining: Type.Optional(
      Type.Literal(true, {
        description: "Present when all that is in the way is that the region is drained: it would serve.",
      }),
    ),
  },
  { additionalProperties: false },
);

export type StatusAnswer = Static<typeof StatusAnswer>;
export type PartitionStatusAnswer = StatusAnswer["partitions"][number];
export type ReadyAnswer = Static<typeof ReadyAnswer>;
