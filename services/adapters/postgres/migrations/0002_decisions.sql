ALTER TABLE "applied" ADD COLUMN "hlc" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "collections" ALTER COLUMN "schema" SET DATA TYPE json;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "detail" text;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "tombstone" text;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "expires_at_ms" bigint;--> statement-breakpoint
CREATE INDEX "records_by_expiry" ON "records" USING btree ("partition","expires_at_ms") WHERE expires_at_ms is not null;--> statement-breakpoint
-- Until now only schemas were rejected. Those that came too late have a code of their own.
update operations
set detail = json_build_object('rejection',
      case when reason like 'expired: %'
           then json_build_object('code', 'expired', 'message', substr(reason, length('expired: ') + 1))
           else json_build_object('code', 'schema', 'message', reason) end)::text
where reason is not null;--> statement-breakpoint
ALTER TABLE "operations" DROP COLUMN "reason";--> statement-breakpoint

-- As before, and also after what the fold has stamped: a write that follows a decision is stamped after it.
create or replace function forebay_next_hlc(p_partition integer, p_last bigint, p_now_ms bigint, p_offset_ms_max bigint) returns bigint
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
begin
  return greatest(
    p_now_ms << 16,
    p_last + 1,
    (select max(o.hlc) + 1 from origins o where o.partition = p_partition and (o.hlc >> 16) <= p_now_ms + p_offset_ms_max),
    (select a.hlc + 1 from applied a where a.partition = p_partition and (a.hlc >> 16) <= p_now_ms + p_offset_ms_max)
  );
end
$$;--> statement-breakpoint

-- As before, with an outcome's detail.
create or replace function forebay_append(
  p_partition integer, p_region text, p_now_ms bigint, p_offset_ms_max bigint,
  p_pending_rows_max bigint, p_pending_bytes_max bigint,
  p_ids uuid[], p_record_ids text[], p_request_hashes bytea[], p_bodies text[],
  out is_full boolean, out pending_rows bigint, out pending_bytes bigint,
  out first_sequence bigint, out first_hlc bigint, out known json)
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_memoize = off
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_head wal_heads;
  v_watermark bigint;
  v_folded_bytes bigint;
  v_known integer[];
  v_new_rows bigint;
  v_new_bytes bigint;
  v_seen bigint;
begin
  v_head := forebay_lock_head(p_partition);

  if exists (select from wal w where w.id = any (p_ids)) or exists (select from operations o where o.id = any (p_ids)) then
    select array_agg(f.ordinal), json_agg(f.answer) into v_known, known
    from (
      select u.ordinal::integer, json_build_object(
          'ordinal', u.ordinal, 'sequence', w.sequence, 'hlc', w.hlc::text,
          'isSame', w.partition = p_partition and w.request_hash = u.request_hash
                    and forebay_tenant(w.record_id) = forebay_tenant(u.record_id)) as answer
      from unnest(p_ids, p_record_ids, p_request_hashes) with ordinality u(id, record_id, request_hash, ordinal)
      cross join lateral (select w.* from wal w where w.id = u.id offset 0) w
      union all
      select u.ordinal::integer, json_build_object(
          'ordinal', u.ordinal,
          'isSame', o.partition = p_partition and o.request_hash = u.request_hash and o.tenant = forebay_tenant(u.record_id),
          'outcome', json_build_object('id', o.id, 'tenant', o.tenant, 'position', o.position,
                                       'request_hash', encode(o.request_hash, 'hex'),
                                       'origin', o.origin, 'hlc', o.hlc::text, 'status', o.status, 'detail', o.detail))
      from unnest(p_ids, p_record_ids, p_request_hashes) with ordinality u(id, record_id, request_hash, ordinal)
      cross join lateral (select o.* from operations o where o.id = u.id offset 0) o
    ) f;
  end if;
  v_known := coalesce(v_known, '{}');

  select count(*), coalesce(sum(forebay_wal_bytes(u.record_id, u.body)), 0) into v_new_rows, v_new_bytes
  from unnest(p_record_ids, p_bodies) with ordinality u(record_id, body, ordinal)
  where u.ordinal <> all (v_known);

  select o.watermark into v_watermark from origins o where o.partition = p_partition and o.region = p_region;
  v_watermark := coalesce(v_watermark, 0);
  if v_watermark > v_head.sequence then
    -- Numbers that the log has folded would be handed out again, and every region would skip those operations.
    raise exception 'the WAL of partition % ends at %, but the log was folded up to %: this database has lost its WAL',
      p_partition, v_head.sequence, v_watermark using errcode = 'assert_failure';
  end if;
  -- Counted from the oldest pending row: older ones may have been trimmed.
  select w.bytes - forebay_wal_bytes(w.record_id, w.body) into v_folded_bytes
  from wal w where w.partition = p_partition and w.sequence = v_watermark + 1;
  pending_rows := v_head.sequence - v_watermark;
  pending_bytes := v_head.bytes - coalesce(v_folded_bytes, v_head.bytes);
  is_full := v_new_rows > 0
    and (pending_rows + v_new_rows > p_pending_rows_max or pending_bytes + v_new_bytes > p_pending_bytes_max);
  if is_full or v_new_rows = 0 then
    return;
  end if;

  first_sequence := v_head.sequence + 1;
  -- In this order: whatever was folded up to the position seen has a stamp that the next statement observes.
  select a.position into v_seen from applied a where a.partition = p_partition;
  first_hlc := forebay_next_hlc(p_partition, v_head.hlc, p_now_ms, p_offset_ms_max);

  insert into wal (partition, sequence, hlc, seen, bytes, accepted_at, id, record_id, request_hash, body)
  select p_partition, v_head.sequence + n.rank, first_hlc + n.rank - 1, coalesce(v_seen, 0), v_head.bytes + n.bytes,
         clock_timestamp(), n.id, n.record_id, n.request_hash, n.body
  from (
    select u.*, row_number() over fresh as rank,
           sum(forebay_wal_bytes(u.record_id, u.body)) over fresh as bytes
    from unnest(p_ids, p_record_ids, p_request_hashes, p_bodies)
         with ordinality u(id, record_id, request_hash, body, ordinal)
    where u.ordinal <> all (v_known)
    window fresh as (order by u.ordinal rows unbounded preceding)
  ) n;

  update wal_heads h
  set sequence = v_head.sequence + v_new_rows, hlc = first_hlc + v_new_rows - 1, bytes = v_head.bytes + v_new_bytes
  where h.partition = p_partition;
end
$$;--> statement-breakpoint

drop function forebay_commit_fold(integer, bigint, jsonb, jsonb, jsonb, jsonb, text[], text[], bigint[], uuid[], text[], bigint[], bytea[], text[], bigint[], text[], text[]);--> statement-breakpoint

-- Commits what a fold made: 'stale' if the partition is no longer at the position it was folded from; 'known' if it was
-- guessed that its operations are new, and one is not. Parts that are null have not changed.
-- Schemas are json, not jsonb: fields stay in the order that they were declared in, and the next fold goes by it.
create function forebay_commit_fold(
  p_partition integer, p_expected_position bigint, p_is_guess boolean, p_state jsonb, p_origins jsonb, p_collections json, p_conflicts jsonb,
  p_record_ids text[], p_fields text[], p_versions bigint[], p_tombstones text[], p_expiries bigint[], p_removed_ids text[],
  p_ids uuid[], p_tenants text[], p_positions bigint[], p_request_hashes bytea[], p_origin_names text[],
  p_hlcs bigint[], p_statuses text[], p_details text[])
returns text
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_memoize = off
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_members text[] := array(select jsonb_array_elements_text(p_state -> 'members'));
begin
  -- Whoever commits ids after this look has moved the position as well, which the next statement finds.
  if p_is_guess and exists (select from operations o where o.id = any (p_ids) and o.partition = p_partition) then
    return 'known';
  end if;
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
  using (select * from unnest(p_record_ids, p_fields, p_versions, p_tombstones, p_expiries)
                       u(record_id, fields, version, tombstone, expires_at_ms)
         order by u.record_id collate "C") r
  on records.record_id = r.record_id
  when matched then update set fields = r.fields, version = r.version, tombstone = r.tombstone, expires_at_ms = r.expires_at_ms
  when not matched then
    insert (version, partition, record_id, fields, tombstone, expires_at_ms)
    values (r.version, p_partition, r.record_id, r.fields, r.tombstone, r.expires_at_ms);

  if cardinality(p_removed_ids) > 0 then
    delete from records r where r.record_id = any (p_removed_ids);
  end if;

  insert into operations (id, position, hlc, partition, tenant, origin, status, request_hash, detail)
  select o.id, o.position, o.hlc, p_partition, o.tenant, o.origin, o.status, o.request_hash, o.detail
  from unnest(p_ids, p_tenants, p_positions, p_request_hashes, p_origin_names, p_hlcs, p_statuses, p_details)
       o(id, tenant, position, request_hash, origin, hlc, status, detail);

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
end
$$;
