-- Loading a partition's state from elsewhere. Column progress of bootstraps: "source" is the snapshot that is loaded, "at"
-- how far it is (set from loading on), "clearing" how far the clearing is.

-- While rows are cleared or loaded nobody folds: a fold that was begun before finds the partition as if another had gone on.
create function forebay_hold_applied() returns trigger
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  if exists (select from bootstraps b where b.partition = new.partition and b.stage in ('clearing', 'loading')) then
    return null;
  end if;
  return new;
end
$$;--> statement-breakpoint
create trigger applied_held before insert or update on applied for each row execute function forebay_hold_applied();--> statement-breakpoint

-- Goes on from the stage and the source that the caller has seen last; no row where they are not those any more.
create function forebay_enter_stage(
  p_partition integer, p_id uuid, p_seen_stage text, p_seen_snapshot text, p_stage text, p_source text, p_details jsonb, p_start jsonb)
returns setof bootstraps
language plpgsql as $$
declare
  v_progress jsonb;
begin
  select coalesce(b.progress, '{}') into v_progress from bootstraps b
  where b.partition = p_partition and b.id = p_id and b.stage = p_seen_stage
    and (b.progress -> 'source' ->> 'snapshot') is not distinct from p_seen_snapshot
  for update;
  if not found then
    return;
  end if;
  if p_source is not null then
    v_progress := jsonb_build_object('source', p_details);
  end if;
  if p_stage = 'clearing' then
    v_progress := v_progress - 'at' - 'clearing';
    -- A fold that is under way comes to its end first; those after it are held.
    perform from applied a where a.partition = p_partition for update;
  elsif p_stage = 'loading' and p_seen_stage <> 'loading' then
    v_progress := v_progress - 'clearing' || jsonb_build_object('at', p_start);
  end if;
  return query
    update bootstraps b set stage = p_stage, source = coalesce(p_source, b.source), progress = nullif(v_progress, '{}')
    where b.partition = p_partition returning b.*;
end
$$;--> statement-breakpoint

-- Where the cluster has one partition the tables are emptied at once, unless somebody reads them for longer than a moment.
-- Otherwise rows are deleted, some pages of a table after the other.
create function forebay_clear_some(p_partition integer, p_id uuid, p_pages bigint) returns text
language plpgsql as $$
declare
  v_tables constant text[] := array['records', 'operations', 'conflicts'];
  v_table integer;
  v_page bigint;
begin
  select coalesce((b.progress -> 'clearing' ->> 'table')::integer, 0), coalesce((b.progress -> 'clearing' ->> 'page')::bigint, 0)
  into v_table, v_page from bootstraps b
  where b.partition = p_partition and b.id = p_id and b.stage = 'clearing' for update;
  if not found then
    return 'stale';
  end if;
  if v_table = 0 and exists (select from applied a where a.partition = p_partition and a.partitions = 1) then
    begin
      perform set_config('lock_timeout', '1000', true);
      truncate records, operations, conflicts;
      return 'done';
    exception when lock_not_available then
      null;
    end;
  end if;
  v_table := greatest(v_table, 1);
  execute format('delete from %I t where t.ctid >= $1 and t.ctid < $2 and t.partition = $3', v_tables[v_table])
  using format('(%s,0)', v_page)::tid, format('(%s,0)', v_page + p_pages)::tid, p_partition;
  v_page := v_page + p_pages;
  if v_page * current_setting('block_size')::bigint >= pg_relation_size(v_tables[v_table]::regclass) then
    v_table := v_table + 1;
    v_page := 0;
  end if;
  update bootstraps b
  set progress = b.progress || jsonb_build_object('clearing', jsonb_build_object('table', v_table, 'page', v_page))
  where b.partition = p_partition;
  return case when v_table > array_length(v_tables, 1) then 'done' else 'more' end;
end
$$;--> statement-breakpoint

-- 'done' where the page was loaded before, and its caller has not heard of it.
create function forebay_load_page(
  p_partition integer, p_id uuid, p_part text, p_rows json, p_expected jsonb, p_progress jsonb)
returns text
language plpgsql
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_at jsonb;
begin
  select b.progress -> 'at' into v_at from bootstraps b
  where b.partition = p_partition and b.id = p_id and b.stage = 'loading' for update;
  if v_at = p_progress then
    return 'done';
  elsif v_at is distinct from p_expected then
    return 'stale';
  end if;
  if p_part = 'records' then
    insert into records (version, partition, record_id, fields, tombstone, expires_at_ms)
    select r.v, p_partition, r.id, r.f, r.t, r.e
    from json_to_recordset(p_rows) r(id text, v bigint, f text, t text, e bigint);
  elsif p_part = 'operations' then
    insert into operations (id, position, hlc, partition, tenant, origin, status, request_hash, detail)
    select r.id, r.p, r.h, p_partition, r.n, r.o, r.s, decode(r.r, 'base64'), r.d
    from json_to_recordset(p_rows) r(id uuid, p bigint, h bigint, n text, o text, s text, r text, d text);
  else
    insert into conflicts (position, log_time_ms, partition, ordinal, loser_operation, winner_operation,
                           tenant, collection, key, field, entry, reason, loser, winner)
    select r.p, r.m, p_partition, r.o, r.lo, r.wo, r.n, r.c, r.k, r.f, r.e, r.r, r.l, r.w
    from json_to_recordset(p_rows)
         r(p bigint, m bigint, o integer, lo uuid, wo uuid, n text, c text, k text, f text, e text, r text, l jsonb, w jsonb);
  end if;
  update bootstraps b set progress = jsonb_set(b.progress, '{at}', p_progress) where b.partition = p_partition;
  return 'loaded';
end
$$;--> statement-breakpoint

-- From here on the partition can be folded. What was there of its state before is replaced, marks for trimming with it.
create function forebay_finish_load(
  p_partition integer, p_id uuid, p_counts jsonb, p_state jsonb, p_origins jsonb, p_collections json)
returns text
language plpgsql as $$
declare
  v_stage text;
begin
  select b.stage into v_stage from bootstraps b
  where b.partition = p_partition and b.id = p_id
    and (b.stage = 'folding' or (b.stage = 'loading' and not (b.progress -> 'at') ? 'part' and b.progress -> 'at' -> 'loaded' = p_counts))
  for update;
  if not found then
    return 'stale';
  elsif v_stage = 'folding' then
    return 'done';
  end if;
  update bootstraps b set stage = 'folding' where b.partition = p_partition;
  -- What was seen of another log was not seen of this one.
  update wal w set seen = (p_state ->> 'position')::bigint
  where w.partition = p_partition and w.seen > (p_state ->> 'position')::bigint
    and exists (select from applied a where a.partition = p_partition
                                        and a.log_created_at_ms <> (p_state ->> 'log_created_at_ms')::bigint);
  delete from origins o where o.partition = p_partition;
  delete from collections c where c.partition = p_partition;
  delete from trim_marks m where m.partition = p_partition;
  delete from applied a where a.partition = p_partition;
  insert into applied (partition, position, log_time_ms, hlc, chain, cluster, partitions, members, log_created_at_ms,
                       forgotten_position, forgotten_time_ms, log_epoch, departed)
  select p_partition, s.position, s.log_time_ms, s.hlc, s.chain, s.cluster, s.partitions,
         array(select jsonb_array_elements_text(s.members)), s.log_created_at_ms,
         s.forgotten_position, s.forgotten_time_ms, s.log_epoch, s.departed
  from jsonb_to_record(p_state) s(
    position bigint, log_time_ms bigint, hlc bigint, chain text, cluster text, partitions integer, members jsonb,
    log_created_at_ms bigint, forgotten_position bigint, forgotten_time_ms bigint, log_epoch integer, departed jsonb);
  insert into origins (partition, region, watermark, epoch, hlc, chain, tick, promise, joined)
  select p_partition, o.region, o.watermark, o.epoch, o.hlc, o.chain, o.tick, o.promise, o.joined
  from jsonb_to_recordset(p_origins)
       o(region text, watermark bigint, epoch bigint, hlc bigint, chain text, tick jsonb, promise jsonb, joined uuid);
  insert into collections (partition, version, tenant, name, schema)
  select p_partition, c.version, c.tenant, c.name, c.schema
  from json_to_recordset(p_collections) c(version integer, tenant text, name text, schema json);
  return 'loaded';
end
$$;
