-- What operators have done. Rows are added at the end of a hash chain, which the region's processes make; the trigger is
-- against slips: whoever owns the table can drop it, and is found out by the chain.
create table audit (
  sequence bigint primary key,
  at_ms bigint not null,
  act uuid not null,
  action text not null,
  actor text not null,
  address text,
  about text not null,
  outcome text not null,
  previous text not null,
  hash text not null
);--> statement-breakpoint
create table audit_heads (
  region text collate "C" not null,
  sequence bigint not null,
  hash text not null,
  seen_at_ms bigint not null,
  primary key (region, sequence, hash)
);--> statement-breakpoint
create function forebay_refuse_change() returns trigger
language plpgsql as $$
begin
  raise exception 'rows of table % are added, and never changed or taken out', tg_table_name using errcode = 'insufficient_privilege';
end
$$;--> statement-breakpoint
create trigger audit_kept before update or delete or truncate on audit for each statement execute function forebay_refuse_change();--> statement-breakpoint

-- False where another row has come to be the end meanwhile: the caller goes on from that one.
create function forebay_append_audit(
  p_sequence bigint, p_at_ms bigint, p_act uuid, p_action text, p_actor text, p_address text, p_about text, p_outcome text,
  p_previous text, p_hash text) returns boolean
language plpgsql as $$
begin
  if p_sequence > 1 and not exists (select from audit a where a.sequence = p_sequence - 1 and a.hash = p_previous) then
    return false;
  end if;
  insert into audit (sequence, at_ms, act, action, actor, address, about, outcome, previous, hash)
  values (p_sequence, p_at_ms, p_act, p_action, p_actor, p_address, p_about, p_outcome, p_previous, p_hash)
  on conflict (sequence) do nothing;
  return found;
end
$$;--> statement-breakpoint

-- Old processes append on: rather try again at the next start than have all of them wait behind a long look at the table.
set local lock_timeout = '2s';--> statement-breakpoint

alter table wal add column trace text;--> statement-breakpoint

drop function forebay_append(integer, text, bigint, bigint, bigint, bigint, uuid[], text[], bytea[], text[], text[]);--> statement-breakpoint

-- As before; rows keep the trace context of their requests.
create function forebay_append(
  p_partition integer, p_region text, p_now_ms bigint, p_offset_ms_max bigint,
  p_pending_rows_max bigint, p_pending_bytes_max bigint,
  p_ids uuid[], p_record_ids text[], p_request_hashes bytea[], p_bodies text[], p_takes text[] default null, p_traces text[] default null,
  out is_full boolean, out pending_rows bigint, out pending_bytes bigint,
  out first_sequence bigint, out first_hlc bigint, out known json, out refused integer[], out escrow_left jsonb[],
  out refusal text)
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
  select r.refusal, r.watermark into refusal, v_watermark from forebay_wal_refusal(p_partition, p_region, v_head) r;
  if refusal is not null then
    return;
  end if;

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

  insert into wal (partition, sequence, hlc, seen, bytes, accepted_at, id, record_id, request_hash, body, taken, trace)
  select p_partition, v_head.sequence + n.rank, first_hlc + n.rank - 1, coalesce(v_seen, 0), v_head.bytes + n.bytes,
         clock_timestamp(), n.id, n.record_id, n.request_hash, n.body, v_taken[n.ordinal], p_traces[n.ordinal]
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
$$;
