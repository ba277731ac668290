ALTER TABLE "wal" ADD COLUMN "taken" jsonb;--> statement-breakpoint
CREATE INDEX "wal_by_take" ON "wal" USING btree ("record_id","sequence") WHERE taken is not null;--> statement-breakpoint

-- Rows of the WAL that take from escrows have, by field, [taken here, taken of all regions, and the sums of both over the
-- rows of the record up to this one]: two rows tell what lies between them. What is handed over to another region is taken
-- here and not of all.

-- The escrows of one record as a region may take from them, by field: the rights of all regions, what is left here and in
-- total, what is on its way to other regions, and the sums of what pending rows of the region's WAL have taken. Where none is
-- pending, sums begin anew. Stable: it sees what the statement sees that asks.
create function forebay_escrows(
  p_partition integer, p_region text, p_record_id text,
  out rights jsonb, out here jsonb, out total jsonb, out leaving jsonb, out sums jsonb, out pending_to bigint)
language plpgsql stable as $$
begin
  -- One statement, and so one snapshot: a fold takes rows out of what is pending and rights out of the record at once.
  select coalesce(jsonb_object_agg(e.field, e.rights) filter (where e.rights is not null), '{}'),
         coalesce(jsonb_object_agg(e.field, e.rights_here - e.pending_here), '{}'),
         coalesce(jsonb_object_agg(e.field, e.rights_total - e.pending_total), '{}'),
         coalesce(jsonb_object_agg(e.field, e.pending_here - e.pending_total), '{}'),
         coalesce(jsonb_object_agg(e.field, jsonb_build_array(e.newest -> 2, e.newest -> 3))
                  filter (where e.newest is not null and e.is_pending), '{}'),
         coalesce(max(e.newest_sequence) filter (where e.is_pending), 0)
  into rights, here, total, leaving, sums, pending_to
  from (
    select f.field, f.rights, f.newest, f.is_pending, f.newest_sequence,
           coalesce((f.rights ->> p_region)::bigint, 0) as rights_here,
           coalesce((select sum(r.value::bigint) from jsonb_each_text(f.rights) r), 0) as rights_total,
           case when f.is_pending
                then coalesce((f.newest ->> 2)::bigint, 0) - coalesce((f.oldest ->> 2)::bigint - (f.oldest ->> 0)::bigint, 0)
                else 0 end as pending_here,
           case when f.is_pending
                then coalesce((f.newest ->> 3)::bigint, 0) - coalesce((f.oldest ->> 3)::bigint - (f.oldest ->> 1)::bigint, 0)
                else 0 end as pending_total
    from (
      select k.field, b.fields -> k.field -> 'rights' as rights, b.newest -> k.field as newest,
             b.oldest -> k.field as oldest, b.oldest is not null as is_pending, b.newest_sequence
      from (
        select (select r.fields::jsonb from records r where r.record_id = p_record_id and r.tombstone is null) as fields,
               last.taken as newest, last.sequence as newest_sequence,
               (select w.taken from wal w
                where w.record_id = p_record_id and w.taken is not null
                  and w.sequence > coalesce((select o.watermark from origins o
                                             where o.partition = p_partition and o.region = p_region), 0)
                order by w.sequence limit 1) as oldest
        from (select 1) one
        left join lateral (select w.taken, w.sequence from wal w where w.record_id = p_record_id and w.taken is not null
                           order by w.sequence desc limit 1) last on true
      ) b
      cross join lateral (
        select x.key as field from jsonb_each(coalesce(b.fields, '{}')) x where x.value ->> 'kind' = 'escrow'
        union
        select jsonb_object_keys(coalesce(b.newest, '{}'))) k
    ) f
  ) e;
end
$$;--> statement-breakpoint

-- Whether the region has the rights that operations take, under the lock of the partition's head: committed rights,
-- without what pending rows take.
--   p_takes      by operation: JSON of field and [taken here, taken of all], or null
--   p_known      ordinals of operations that are not looked at
--   refused      ordinals of operations that take more than is there
--   taken        by operation: what goes into its row
--   escrow_left  by operation: of each field that it takes of, what is left [here, of all regions]; if it is refused, of
--                the field that it is refused for
create function forebay_check_takes(
  p_partition integer, p_region text, p_record_ids text[], p_takes text[], p_known integer[],
  out refused integer[], out taken jsonb[], out escrow_left jsonb[])
language plpgsql as $$
declare
  v_operation record;
  v_take record;
  v_record_id text;
  -- Of the record at hand, by field: what is left here and of all, and the sums taken so far.
  v_here jsonb;
  v_total jsonb;
  v_sums jsonb;
  v_short text;
begin
  refused := '{}';
  taken := array_fill(null::jsonb, array[cardinality(p_takes)]);
  escrow_left := taken;
  for v_operation in
    select u.ordinal::integer as ordinal, u.record_id, u.takes::jsonb as takes
    from unnest(p_record_ids, p_takes) with ordinality u(record_id, takes, ordinal)
    where u.takes is not null and u.ordinal <> all (p_known)
    order by u.record_id, u.ordinal
  loop
    if v_operation.record_id is distinct from v_record_id then
      v_record_id := v_operation.record_id;
      select e.here, e.total, e.sums into v_here, v_total, v_sums
      from forebay_escrows(p_partition, p_region, v_record_id) e;
    end if;

    select t.field into v_short
    from jsonb_each(v_operation.takes) t(field, amounts)
    where coalesce((v_here ->> t.field)::bigint, 0) < (t.amounts ->> 0)::bigint
    order by t.field collate "C" limit 1;
    if v_short is not null then
      refused := refused || v_operation.ordinal;
      escrow_left[v_operation.ordinal] := jsonb_build_object(
        v_short, jsonb_build_array(coalesce((v_here ->> v_short)::bigint, 0), coalesce((v_total ->> v_short)::bigint, 0)));
      continue;
    end if;

    escrow_left[v_operation.ordinal] := '{}';
    for v_take in
      select t.field, (t.amounts ->> 0)::bigint as here, (t.amounts ->> 1)::bigint as total,
             coalesce((v_sums -> t.field ->> 0)::bigint, 0) as sum_here, coalesce((v_sums -> t.field ->> 1)::bigint, 0) as sum_total
      from jsonb_each(v_operation.takes) t(field, amounts)
    loop
      v_here := jsonb_set(v_here, array[v_take.field], to_jsonb((v_here ->> v_take.field)::bigint - v_take.here));
      v_total := jsonb_set(v_total, array[v_take.field], to_jsonb((v_total ->> v_take.field)::bigint - v_take.total));
      v_sums := jsonb_set(v_sums, array[v_take.field],
                          jsonb_build_array(v_take.sum_here + v_take.here, v_take.sum_total + v_take.total));
      escrow_left[v_operation.ordinal] := escrow_left[v_operation.ordinal]
        || jsonb_build_object(v_take.field, jsonb_build_array(v_here -> v_take.field, v_total -> v_take.field));
    end loop;
    -- Of all fields that rows of the record have ever taken of: the next row only looks at this one.
    taken[v_operation.ordinal] := (
      select jsonb_object_agg(s.field, jsonb_build_array(coalesce(v_operation.takes -> s.field -> 0, '0'),
                                                         coalesce(v_operation.takes -> s.field -> 1, '0'),
                                                         s.sums -> 0, s.sums -> 1))
      from jsonb_each(v_sums) s(field, sums));
  end loop;
end
$$;--> statement-breakpoint

drop function forebay_append(integer, text, bigint, bigint, bigint, bigint, uuid[], text[], bytea[], text[]);--> statement-breakpoint

-- As before; and what an operation takes must be there. Software of before does not know of it, and takes nothing.
create function forebay_append(
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
$$;
