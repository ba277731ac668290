CREATE TABLE "repairs" (
	"position" bigint NOT NULL,
	"log_time_ms" bigint NOT NULL,
	"partition" integer NOT NULL,
	"ordinal" integer NOT NULL,
	"repair" uuid NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"reason" text NOT NULL,
	"before" text,
	"after" text,
	CONSTRAINT "repairs_partition_position_ordinal_pk" PRIMARY KEY("partition","position","ordinal")
);
--> statement-breakpoint
CREATE INDEX "repairs_by_time" ON "repairs" USING btree ("log_time_ms","partition","position","ordinal");--> statement-breakpoint
-- Keeps what a fold has repaired, in its transaction. Beside the fold's own function, so that folds without repairs are as
-- fast as before.
create function forebay_record_repairs(
  p_partition integer, p_positions bigint[], p_ordinals bigint[], p_log_times_ms bigint[],
  p_repairs uuid[], p_record_ids text[], p_reasons text[], p_befores text[], p_afters text[])
returns bigint
language plpgsql as $$
declare
  v_rows bigint;
begin
  insert into repairs (position, log_time_ms, partition, ordinal, repair, record_id, reason, before, after)
  select unnest(p_positions), unnest(p_log_times_ms), p_partition, unnest(p_ordinals)::integer, unnest(p_repairs),
         unnest(p_record_ids), unnest(p_reasons), unnest(p_befores), unnest(p_afters);
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
