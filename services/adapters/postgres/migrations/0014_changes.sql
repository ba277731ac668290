-- Which records each commit of a fold has changed: one row a commit, trimmed at its beginning.
create table changes (
  partition integer not null,
  position bigint not null,
  record_ids text[] collate "C" not null,
  rewritten_ids text[] collate "C",
  rewritten_positions bigint[],
  constraint changes_partition_position_pk primary key (partition, position)
);--> statement-breakpoint
-- To pack keys takes longer than to write them.
alter table changes alter column record_ids set storage external;--> statement-breakpoint
create table change_floors (
  partition integer primary key,
  position bigint not null
);--> statement-breakpoint
-- What was folded before this migration has left no changes.
insert into change_floors (partition, position) select a.partition, a.position from applied a;--> statement-breakpoint

-- A state that was loaded in place of being folded has no changes before it.
create function forebay_forget_changes() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    delete from changes c where c.partition = old.partition;
    return old;
  end if;
  insert into change_floors (partition, position) values (new.partition, new.position)
  on conflict (partition) do update set position = excluded.position;
  return new;
end
$$;--> statement-breakpoint
create trigger changes_forgotten after insert or delete on applied for each row execute function forebay_forget_changes();--> statement-breakpoint

-- With the fold that has changed records without giving them a version: they are gone, or were repaired.
create function forebay_note_rewritten(p_partition integer, p_ids text[], p_positions bigint[]) returns void
language plpgsql as $$
begin
  insert into changes (partition, position, record_ids, rewritten_ids, rewritten_positions)
  select p_partition, a.position, '{}', p_ids, p_positions from applied a where a.partition = p_partition
  on conflict (partition, position) do update
  set rewritten_ids = excluded.rewritten_ids, rewritten_positions = excluded.rewritten_positions;
end
$$;--> statement-breakpoint

-- As before; the commit notes which records it has changed.
create or replace function forebay_commit_fold(
  p_partition integer, p_expected_position bigint, p_is_guess boolean, p_state jsonb, p_origins jsonb, p_collections json, p_conflicts jsonb,
  p_record_ids text[], p_fields text[], p_versions bigint[], p_tombstones text[], p_expiries bigint[], p_removed_ids text[],
  p_ids uuid[], p_hlcs bigint[], p_request_hashes bytea,
  p_run_counts bigint[], p_run_tenants text[], p_run_positions bigint[], p_run_origins text[], p_run_statuses text[], p_run_details text[])
returns text
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_memoize = off
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_members text[] := array(select jsonb_array_elements_text(p_state -> 'members'));
  v_constraint text;
  v_first integer := 1;
  v_last integer;
begin
  update applied a
  set position = (p_state ->> 'position')::bigint, log_time_ms = (p_state ->> 'logTimeMs')::bigint,
      hlc = (p_state ->> 'hlc')::bigint,
      chain = p_state ->> 'chain', cluster = p_state ->> 'cluster',
      partitions = (p_state ->> 'partitions')::integer, members = v_members
  where a.partition = p_partition and a.position = p_expected_position;
  if not found then
    if p_expected_position <> 0 then
      return 'stale';
    end if;
    insert into applied (partition, position, log_time_ms, hlc, chain, cluster, partitions, members)
    values (p_partition, (p_state ->> 'position')::bigint, (p_state ->> 'logTimeMs')::bigint,
            (p_state ->> 'hlc')::bigint, p_state ->> 'chain',
            p_state ->> 'cluster', (p_state ->> 'partitions')::integer, v_members)
    on conflict do nothing;
    if not found then
      return 'stale';
    end if;
    -- Folded from the beginning on, and not loaded.
    delete from change_floors f where f.partition = p_partition;
  end if;

  if cardinality(p_record_ids) > 0 then
    insert into changes (partition, position, record_ids)
    values (p_partition, (p_state ->> 'position')::bigint, p_record_ids);
  end if;

  if p_origins is not null then
    insert into origins (partition, region, watermark, epoch, hlc, chain, tick, promise)
    select p_partition, o.region, o.watermark, o.epoch, o.hlc, o.chain, o.tick, o.promise
    from jsonb_to_recordset(p_origins)
         o(region text, watermark bigint, epoch bigint, hlc bigint, chain text, tick jsonb, promise jsonb)
    on conflict (partition, region) do update
    set watermark = excluded.watermark, epoch = excluded.epoch, hlc = excluded.hlc, chain = excluded.chain,
        tick = excluded.tick, promise = excluded.promise
    where (origins.watermark, origins.epoch, origins.hlc, origins.tick, origins.promise)
          is distinct from (excluded.watermark, excluded.epoch, excluded.hlc, excluded.tick, excluded.promise);
  end if;

  if p_collections is not null then
    insert into collections (partition, version, tenant, name, schema)
    select p_partition, c.version, c.tenant, c.name, c.schema
    from json_to_recordset(p_collections) c(version integer, tenant text, name text, schema json)
    on conflict (partition, tenant, name) do update set version = excluded.version, schema = excluded.schema;
  end if;

  -- The row of `applied` is locked: nobody else writes records, so that rows need not be locked one by one as
  -- `on conflict` would. In the order of the index, neighbours find its pages where the one before left them.
  merge into records
  using (select u.* from (
           select unnest(p_record_ids) as record_id, unnest(p_fields) as fields, unnest(p_versions) as version,
                  unnest(p_tombstones) as tombstone, unnest(p_expiries) as expires_at_ms) u
         order by u.record_id collate "C") r
  on records.record_id = r.record_id
  when matched then update set fields = r.fields, version = r.version, tombstone = r.tombstone, expires_at_ms = r.expires_at_ms
  when not matched then
    insert (version, partition, record_id, fields, tombstone, expires_at_ms)
    values (r.version, p_partition, r.record_id, r.fields, r.tombstone, r.expires_at_ms);

  if cardinality(p_removed_ids) > 0 then
    delete from records r where r.record_id = any (p_removed_ids);
  end if;

  for v_run in 1 .. cardinality(p_run_counts) loop
    v_last := v_first + p_run_counts[v_run] - 1;
    insert into operations (id, position, hlc, partition, tenant, origin, status, request_hash, detail)
    select unnest(p_ids[v_first:v_last]), p_run_positions[v_run], unnest(p_hlcs[v_first:v_last]), p_partition,
           p_run_tenants[v_run], p_run_origins[v_run], p_run_statuses[v_run],
           substring(p_request_hashes from 32 * (generate_series(v_first, v_last) - 1) + 1 for 32), p_run_details[v_run];
    v_first := v_last + 1;
  end loop;

  if p_conflicts is not null then
    insert into conflicts (position, log_time_ms, partition, ordinal, loser_operation, winner_operation,
                           tenant, collection, key, field, entry, reason, loser, winner)
    select c.position, c."logTimeMs", p_partition, c.ordinal,
           (c.loser ->> 'operation')::uuid, (c.winner ->> 'operation')::uuid,
           c.tenant, c.collection, c.key, c.field, c.entry, c.reason, c.loser, c.winner
    from jsonb_to_recordset(p_conflicts)
         c(position bigint, "logTimeMs" bigint, ordinal integer, tenant text, collection text, key text,
           field text, entry text, reason text, loser jsonb, winner jsonb);
  end if;
  return 'committed';
exception when unique_violation then
  get stacked diagnostics v_constraint = constraint_name;
  if p_is_guess and v_constraint = 'operations_id_partition_pk' then
    return 'known';
  end if;
  raise;
end
$$;
