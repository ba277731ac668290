CREATE TABLE "bootstraps" (
	"partition" integer PRIMARY KEY NOT NULL,
	"id" uuid NOT NULL,
	"source" text,
	"reason" text NOT NULL,
	"stage" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"progress" jsonb
);
--> statement-breakpoint
ALTER TABLE "applied" ADD COLUMN "log_epoch" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "applied" ADD COLUMN "departed" jsonb DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "origins" ADD COLUMN "joined" uuid;--> statement-breakpoint
ALTER TABLE "wal_heads" ADD COLUMN "rejoin" uuid;--> statement-breakpoint
ALTER TABLE "wal_heads" ADD COLUMN "orphans_after" bigint;--> statement-breakpoint
ALTER TABLE "wal_heads" ADD COLUMN "joined" uuid;--> statement-breakpoint

-- Keeps what a fold has said of who takes part, in its transaction. Beside the fold's own function, so that folds in which
-- nobody comes or goes are as fast as before.
create function forebay_change_members(
  p_partition integer, p_log_epoch integer, p_departed jsonb, p_removed text[], p_joined jsonb)
returns void
language plpgsql as $$
begin
  update applied a set log_epoch = p_log_epoch, departed = p_departed where a.partition = p_partition;
  delete from origins o where o.partition = p_partition and o.region = any (p_removed);
  update origins o set joined = (p_joined ->> o.region)::uuid
  where o.partition = p_partition and p_joined ? o.region;
end
$$;
