CREATE INDEX "conflicts_by_time" ON "conflicts" USING btree ("tenant","log_time_ms","partition","position","ordinal");--> statement-breakpoint
CREATE INDEX "conflicts_by_collection" ON "conflicts" USING btree ("tenant","collection","log_time_ms","partition","position","ordinal");--> statement-breakpoint
CREATE INDEX "conflicts_by_record" ON "conflicts" USING btree ("tenant","collection","key","log_time_ms","partition","position","ordinal");--> statement-breakpoint
-- A sample in which one collection, or one record, is all that it has met would make the planner take the index by time,
-- and pass over everything else. That there are several is said here, and counts from the next analyze on.
ALTER TABLE "conflicts" ALTER COLUMN "collection" SET (n_distinct = 100);--> statement-breakpoint
ALTER TABLE "conflicts" ALTER COLUMN "key" SET (n_distinct = -0.1);--> statement-breakpoint

-- Until now losers did not say what they were written with. Where their own form does not tell, they still don't.
update conflicts c
set loser = c.loser || jsonb_build_object('operator',
      case when c.reason = 'overflow' then 'inc'
           when c.entry is not null then case when c.loser -> 'value' = 'null' then 'drop' else 'put' end
           when c.reason = 'full' then 'add'
           else case when c.loser -> 'value' = 'null' then 'unset' else 'set' end end)
where not c.loser ? 'operator' and c.reason in ('older', 'concurrent', 'overflow', 'full');
