CREATE TABLE "trim_marks" (
	"partition" integer NOT NULL,
	"position" bigint NOT NULL,
	"log_time_ms" bigint NOT NULL,
	"watermark" bigint NOT NULL,
	CONSTRAINT "trim_marks_partition_position_pk" PRIMARY KEY("partition","position")
);
--> statement-breakpoint
ALTER TABLE "applied" ADD COLUMN "forgotten_position" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "applied" ADD COLUMN "forgotten_time_ms" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint

-- Whether the log has let go of what took effect at a position: rows that are still there then count for nothing.
create function forebay_is_forgotten(p_partition integer, p_position bigint) returns boolean
language sql stable as $$
  select p_position <= coalesce((select a.forgotten_position from applied a where a.partition = p_partition), 0)
$$;--> statement-breakpoint

-- As before; an id that is forgotten is new. A row of the WAL that is folded is one of a known operation only.
create or replace function forebay_append(
  p_partition integer, p_region text, p_now_ms bigint, p_offset_ms_max bigint,
  p_pending_rows_max bigint, p_pending_bytes_max bigint,
  p_ids uuid[], p_record_ids text[], p_request_hashes bytea[], p_bodies text[], p_takes text[] default null,
  out is_full boolean, out pending_rows bigint, out pending_bytes bigint,
  out first_sequence bigint, out first_hlc bigint, out known json, out refused integer[], out escrow_left jsonb[])
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_memoize = off
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_head wal_heads;
  v_watermark bigint;
  v_folded_bytes bigint;
  -- Ordinals of operations that are not appended.
  v_known integer[];
  v_taken jsonb[];
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
      where w.sequence > coalesce((select m.watermark from origins m where m.partition = w.partition and m.region = p_region), 0)
         or exists (select from operations o where o.id = w.id and o.partition = w.partition and not forebay_is_forgotten(o.partition, o.position))
      union all
      select u.ordinal::integer, json_build_object(
          'ordinal', u.ordinal,
          'isSame', o.partition = p_partition and o.request_hash = u.request_hash and o.tenant = forebay_tenant(u.record_id),
          'outcome', json_build_object('id', o.id, 'tenant', o.tenant, 'position', o.position,
                                       'request_hash', encode(o.request_hash, 'hex'),
                                       'origin', o.origin, 'hlc', o.hlc::text, 'status', o.status, 'detail', o.detail))
      from unnest(p_ids, p_record_ids, p_request_hashes) with ordinality u(id, record_id, request_hash, ordinal)
      cross join lateral (select o.* from operations o where o.id = u.id offset 0) o
      where not forebay_is_forgotten(o.partition, o.position)
    ) f;
  end if;
  v_known := coalesce(v_known, '{}');

  if p_takes is not null then
    select t.refused, t.taken, t.escrow_left into refused, v_taken, escrow_left
    from forebay_check_takes(p_partition, p_region, p_record_ids, p_takes, v_known) t;
    v_known := v_known || refused;
  end if;

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

  insert into wal (partition, sequence, hlc, seen, bytes, accepted_at, id, record_id, request_hash, body, taken)
  select p_partition, v_head.sequence + n.rank, first_hlc + n.rank - 1, coalesce(v_seen, 0), v_head.bytes + n.bytes,
         clock_timestamp(), n.id, n.record_id, n.request_hash, n.body, v_taken[n.ordinal]
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

-- Commits a fold as forebay_commit_fold does, where ids have been forgotten: those that took effect anew lose the rows of
-- before, which may still be there. Only of what is no guess: that finds such rows, and is asked about then.
create function forebay_commit_fold_forgetting(
  p_forgotten_position bigint, p_forgotten_time_ms bigint,
  p_partition integer, p_expected_position bigint, p_is_guess boolean, p_state jsonb, p_origins jsonb, p_collections json, p_conflicts jsonb,
  p_record_ids text[], p_fields text[], p_versions bigint[], p_tombstones text[], p_expiries bigint[], p_removed_ids text[],
  p_ids uuid[], p_hlcs bigint[], p_request_hashes bytea,
  p_run_counts bigint[], p_run_tenants text[], p_run_positions bigint[], p_run_origins text[], p_run_statuses text[], p_run_details text[])
returns text
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_memoize = off
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_outcome text;
begin
  -- Locked: from here on nobody else folds, and what is deleted is what this fold has let go of.
  perform from applied a where a.partition = p_partition and a.position = p_expected_position for update;
  if not found and p_expected_position <> 0 then
    return 'stale';
  end if;
  if not p_is_guess then
    delete from operations o
    where o.id = any (p_ids) and o.partition = p_partition and o.position <= p_forgotten_position;
  end if;
  v_outcome := forebay_commit_fold(
    p_partition, p_expected_position, p_is_guess, p_state, p_origins, p_collections, p_conflicts,
    p_record_ids, p_fields, p_versions, p_tombstones, p_expiries, p_removed_ids,
    p_ids, p_hlcs, p_request_hashes,
    p_run_counts, p_run_tenants, p_run_positions, p_run_origins, p_run_statuses, p_run_details);
  if v_outcome = 'committed' then
    update applied a
    set forgotten_position = p_forgotten_position, forgotten_time_ms = p_forgotten_time_ms
    where a.partition = p_partition and a.forgotten_position <> p_forgotten_position;
  end if;
  return v_outcome;
end
$$;
