CREATE TABLE "compatibility" (
	"is_one" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"least_migrations" integer NOT NULL,
	CONSTRAINT "compatibility_is_one" CHECK ("compatibility"."is_one")
);
--> statement-breakpoint
CREATE TABLE "entry_versions" (
	"partition" integer PRIMARY KEY NOT NULL,
	"needed" integer DEFAULT 1 NOT NULL,
	"needed_by" text,
	"promised" integer DEFAULT 1 NOT NULL,
	"promised_until" timestamp with time zone DEFAULT '-infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "processes" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"software" text NOT NULL,
	"reads" integer NOT NULL,
	"may_fold" boolean NOT NULL,
	"seen_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint

-- Software that knows the first fourteen migrations reads and writes what there is after this one.
insert into compatibility (least_migrations) values (14);--> statement-breakpoint

-- A process tells of itself, and forgets those that have been silent for long. It is no loss if a crash forgets it.
create function forebay_tell_process(p_id text, p_software text, p_reads integer, p_may_fold boolean) returns void
language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  insert into processes (id, software, reads, may_fold, seen_at)
  values (p_id, p_software, p_reads, p_may_fold, clock_timestamp())
  on conflict (id) do update
  set software = excluded.software, reads = excluded.reads, may_fold = excluded.may_fold, seen_at = excluded.seen_at;
  delete from processes p where p.seen_at < clock_timestamp() - interval '1 hour';
end
$$;--> statement-breakpoint

-- The version of entries that every process of the region reads which may fold, so that any of them can take over. Software
-- of before tells nothing of itself, but has this name among the sessions; it reads 7.
create function forebay_region_reads(p_region text) returns integer
language sql stable
return least(
  (select min(p.reads) from processes p where p.may_fold and p.seen_at > clock_timestamp() - interval '10 seconds'),
  (select 7 where exists (
    select from pg_stat_activity a where a.datname = current_database() and a.application_name = 'forebay ' || p_region)));--> statement-breakpoint

-- What the next tick may say. Whoever reads less can't fold for the next seconds: others may publish such entries as long as
-- they believe the tick, and a while longer. Written anew only where it would run out.
create function forebay_promise_reads(p_region text, p_partition integer, p_reads integer) returns integer
language plpgsql as $$
declare
  v_reads integer;
begin
  select greatest(least(p_reads, forebay_region_reads(p_region)), coalesce(max(v.needed), 0)) into v_reads
  from entry_versions v where v.partition = p_partition;
  insert into entry_versions (partition, promised, promised_until)
  values (p_partition, v_reads, clock_timestamp() + interval '15 seconds')
  on conflict (partition) do update set promised = excluded.promised, promised_until = excluded.promised_until
  where (entry_versions.promised <= v_reads and entry_versions.promised_until < clock_timestamp() + interval '8 seconds')
     or entry_versions.promised < v_reads
     or entry_versions.promised_until < clock_timestamp();
  return v_reads;
end
$$;--> statement-breakpoint

-- An entry was met that the process can't read: for a while the role is for those who can.
create function forebay_stand_aside(p_partition integer, p_version integer, p_ms integer) returns void
language sql
begin atomic
  insert into entry_versions (partition, promised, promised_until)
  values (p_partition, p_version, clock_timestamp() + p_ms * interval '1 millisecond')
  on conflict (partition) do update set promised = excluded.promised, promised_until = excluded.promised_until
  where entry_versions.promised <= excluded.promised or entry_versions.promised_until < clock_timestamp();
end;--> statement-breakpoint

-- Such an entry is about to be folded: from here on nobody folds who can't read it.
create function forebay_need_version(p_partition integer, p_version integer, p_software text) returns void
language sql
begin atomic
  insert into entry_versions (partition, needed, needed_by) values (p_partition, p_version, p_software)
  on conflict (partition) do update set needed = excluded.needed, needed_by = excluded.needed_by
  where entry_versions.needed < excluded.needed;
end;--> statement-breakpoint

-- Holds software to it that knows nothing of it: taking the role and renewing it is refused with the reason. Whoever only
-- asks behind another gets no role, and no error for PostgreSQL's log: an insert that comes to nothing is let through.
create function forebay_check_applier() returns trigger
language plpgsql as $$
declare
  v_reads integer := coalesce((select p.reads from processes p where p.id = new.holder), 7);
  v_one entry_versions;
begin
  if tg_op = 'INSERT' and exists (
    select from roles r where r.role = new.role and r.partition = new.partition and r.holder <> new.holder
      and r.expires_at > clock_timestamp()) then
    return new;
  end if;
  select * into v_one from entry_versions v where v.partition = new.partition;
  if v_one.needed > v_reads then
    raise exception using errcode = 'FB004', message = format(
      'partition %s holds what entries of version %s have made, and this process reads up to %s: run %s or later here; '
      'going back takes a backup of before', new.partition, v_one.needed, v_reads, coalesce(v_one.needed_by, 'newer software'));
  elsif v_one.promised > v_reads and v_one.promised_until > clock_timestamp() then
    raise exception using errcode = 'FB005', message = format(
      'partition %s may get entries of version %s at any moment, and this process reads up to %s: newer software of this '
      'region folds it', new.partition, v_one.promised, v_reads);
  end if;
  return new;
end
$$;--> statement-breakpoint
create trigger applier_reads before insert or update on roles for each row
when (new.role = 'applier' and new.expires_at > '-infinity') execute function forebay_check_applier();
