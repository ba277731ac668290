CREATE TABLE "set_aside" (
	"sequence" bigint NOT NULL,
	"hlc" bigint NOT NULL,
	"seen" bigint NOT NULL,
	"partition" integer NOT NULL,
	"id" uuid NOT NULL,
	"accepted_at" timestamp with time zone NOT NULL,
	"set_aside_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"reason" text NOT NULL,
	"body" text NOT NULL,
	CONSTRAINT "set_aside_id_partition_pk" PRIMARY KEY("id","partition")
);
--> statement-breakpoint
ALTER TABLE "wal_heads" ADD COLUMN "displaced" uuid;--> statement-breakpoint
ALTER TABLE "wal_heads" ADD COLUMN "set_aside" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint

-- A database that went back, or is new, has not the WAL that the log was folded from. It asks the log for a new run of
-- sequences (`wal_heads.rejoin`); what it had taken under numbers that may be others' (`orphans_after`) gets new ones there.

-- Why a WAL is not to be appended to, and the region's own watermark:
--   displaced   another database has taken this one's place
--   rejoining   the log has been asked for new sequences, and has not given them yet
--   no-member   the region takes no part
--   joining     nobody has heard of the region since it has joined
--   lost        numbers that the log has folded would be handed out again: the WAL is gone
create function forebay_wal_refusal(
  p_partition integer, p_region text, p_head wal_heads, out refusal text, out watermark bigint)
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_is_assumed boolean;
begin
  select o.watermark, (o.tick ->> 'isAssumed')::boolean into watermark, v_is_assumed
  from origins o where o.partition = p_partition and o.region = p_region;
  if p_head.displaced is not null then
    refusal := 'displaced';
  elsif p_head.rejoin is not null then
    refusal := 'rejoining';
  elsif watermark is null and exists (select from applied a where a.partition = p_partition and a.cluster is not null) then
    refusal := 'no-member';
  elsif v_is_assumed then
    refusal := 'joining';
  elsif watermark > p_head.sequence then
    refusal := 'lost';
  end if;
  watermark := coalesce(watermark, 0);
end
$$;--> statement-breakpoint

drop function forebay_append(integer, text, bigint, bigint, bigint, bigint, uuid[], text[], bytea[], text[], text[]);--> statement-breakpoint

-- As before; where the WAL is not to be appended to, it says why, and appends nothing.
create function forebay_append(
  p_partition integer, p_region text, p_now_ms bigint, p_offset_ms_max bigint,
  p_pending_rows_max bigint, p_pending_bytes_max bigint,
  p_ids uuid[], p_record_ids text[], p_request_hashes bytea[], p_bodies text[], p_takes text[] default null,
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

drop function forebay_stamp_tick(integer, bigint, bigint);--> statement-breakpoint

-- As before; none is issued where the WAL is not the log's.
create function forebay_stamp_tick(
  p_partition integer, p_region text, p_now_ms bigint, p_offset_ms_max bigint,
  out hlc bigint, out wal_head bigint, out refusal text)
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_head wal_heads;
begin
  v_head := forebay_lock_head(p_partition);
  select nullif(r.refusal, 'joining') into refusal from forebay_wal_refusal(p_partition, p_region, v_head) r;
  if refusal is not null then
    return;
  end if;
  wal_head := v_head.sequence;
  hlc := forebay_next_hlc(p_partition, v_head.hlc, p_now_ms, p_offset_ms_max);
  update wal_heads h set hlc = forebay_stamp_tick.hlc where h.partition = p_partition;
end
$$;--> statement-breakpoint

-- The last operation of the own region that a fold has taken must be what the WAL has under its number, or have been trimmed;
-- and the WAL must have had the rows, and issued the stamp, that its last tick tells of. Otherwise nothing of the fold is
-- committed. While the region rejoins, what the log has is not what the WAL has.
create function forebay_check_wal_tail(
  p_partition integer, p_sequence bigint, p_id uuid, p_hlc bigint, p_tick_head bigint, p_tick_hlc bigint) returns void
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_head wal_heads;
begin
  select * into v_head from wal_heads h where h.partition = p_partition;
  if v_head.rejoin is not null then
    return;
  end if;
  if p_tick_head > coalesce(v_head.sequence, 0) or p_tick_hlc > coalesce(v_head.hlc, 0) then
    raise exception 'the region has told the log of % rows, and the WAL of partition % ends at %',
      p_tick_head, p_partition, coalesce(v_head.sequence, 0) using errcode = 'FB002';
  end if;
  if p_sequence is null then
    return;
  end if;
  if v_head.sequence >= p_sequence then
    if exists (select from wal w where w.partition = p_partition and w.sequence = p_sequence and w.id = p_id and w.hlc = p_hlc)
       or not exists (select from wal w where w.partition = p_partition and w.sequence <= p_sequence) then
      return;
    end if;
  end if;
  raise exception 'the log has another operation under % than the WAL of partition %, which ends at %',
    p_sequence, p_partition, coalesce(v_head.sequence, 0) using errcode = 'FB002';
end
$$;--> statement-breakpoint

-- A stamp as JSON has it.
create function forebay_stamp_of(p_text text) returns bigint
language sql immutable as $$
  select ('x' || p_text)::bit(64)::bigint
$$;--> statement-breakpoint

-- Up to which sequence the WAL is what the log has, as far as operations tell: 0 where they tell of none.
create function forebay_known_to(p_partition integer, p_region text, p_sequence bigint) returns bigint
language sql stable as $$
  select coalesce((
    select w.sequence from wal w
    where w.partition = p_partition and w.sequence <= p_sequence
      and exists (select from operations o
                  where o.id = w.id and o.partition = w.partition and o.origin = p_region and o.hlc = w.hlc)
    order by w.sequence desc limit 1), 0)
$$;--> statement-breakpoint

-- Whether the WAL is the one that the committed state goes on from, wherever that has come from: null, `lost` or `displaced`.
create function forebay_check_wal(p_partition integer, p_region text, p_offset_ms_max bigint) returns text
language plpgsql as $$
declare
  v_head wal_heads;
  v_origin origins;
  v_row wal;
begin
  v_head := forebay_lock_head(p_partition);
  select * into v_origin from origins o where o.partition = p_partition and o.region = p_region;
  if not found then
    -- A state that was loaded may be of after the region was removed: what its WAL has is numbered anew when it is added.
    update wal_heads h set orphans_after = forebay_known_to(p_partition, p_region, h.sequence)
    where h.partition = p_partition and h.sequence > 0 and h.orphans_after is null
      and exists (select from applied a where a.partition = p_partition and a.cluster is not null);
    return null;
  end if;
  if v_head.displaced is not null then
    return 'displaced';
  end if;
  if v_head.rejoin is not null then
    -- The log has answered in what was loaded since.
    if v_head.rejoin = v_origin.joined then
      perform forebay_join_log(p_partition, p_region, v_head.rejoin, p_offset_ms_max);
    end if;
    return null;
  end if;
  if v_head.joined is distinct from v_origin.joined then
    if (v_origin.tick ->> 'isAssumed')::boolean then
      -- Loaded after the region has joined, and before anything was said for it.
      update wal_heads h set orphans_after = coalesce(h.orphans_after, forebay_known_to(p_partition, p_region, h.sequence))
      where h.partition = p_partition;
      perform forebay_join_log(p_partition, p_region, v_origin.joined, p_offset_ms_max);
      return null;
    end if;
    return case when v_head.sequence > 0 or v_head.joined is not null then 'displaced' else 'lost' end;
  end if;
  -- Each tick is issued, for good, before it is sent.
  if v_head.sequence < v_origin.watermark
     or (v_origin.tick ->> 'isAssumed' is null and forebay_stamp_of(v_origin.tick ->> 'hlc') > v_head.hlc) then
    return 'lost';
  end if;
  select * into v_row from wal w where w.partition = p_partition and w.sequence = v_origin.watermark;
  if found then
    if exists (select from operations o where o.id = v_row.id and o.partition = p_partition)
       or (v_row.hlc >> 16) <= p_offset_ms_max + (select a.forgotten_time_ms from applied a where a.partition = p_partition) then
      return null;
    end if;
    return 'lost';
  end if;
  -- Trimmed, unless older rows of the same run of sequences are there.
  if exists (select from wal w where w.partition = p_partition and w.sequence < v_origin.watermark
                                 and w.sequence > v_origin.watermark / 4294967296 * 4294967296) then
    return 'lost';
  end if;
  return null;
end
$$;--> statement-breakpoint

-- From here on nothing is appended, until the log has given the region new sequences.
--   p_position   of the state that was found not to be the WAL's; null is forced
--   p_is_loaded  the state did not come from folding: then even rows below the watermark may be unknown to the log
create function forebay_start_rejoin(
  p_partition integer, p_region text, p_id uuid, p_position bigint, p_is_loaded boolean) returns void
language plpgsql as $$
declare
  v_head wal_heads;
  v_watermark bigint;
  v_joined uuid;
begin
  v_head := forebay_lock_head(p_partition);
  if v_head.rejoin is not null then
    return;
  end if;
  if p_position is not null and (v_head.displaced is not null
     or p_position <> coalesce((select a.position from applied a where a.partition = p_partition), 0)) then
    return;
  end if;
  select o.watermark, o.joined into v_watermark, v_joined from origins o where o.partition = p_partition and o.region = p_region;
  v_watermark := coalesce(v_watermark, 0);
  -- Sequences of another database's run say nothing of the rows here.
  if p_is_loaded or v_head.joined is distinct from v_joined then
    v_watermark := forebay_known_to(p_partition, p_region, least(v_watermark, v_head.sequence));
  end if;
  update wal_heads h
  set rejoin = p_id, orphans_after = coalesce(h.orphans_after, v_watermark), displaced = null
  where h.partition = p_partition;
end
$$;--> statement-breakpoint

-- The log has given the region's sequences to another database.
create function forebay_displace(p_partition integer, p_region text, p_id uuid) returns void
language plpgsql as $$
begin
  perform forebay_lock_head(p_partition);
  update wal_heads h
  set displaced = p_id,
      orphans_after = coalesce(h.orphans_after, (select o.watermark from origins o where o.partition = p_partition and o.region = p_region), 0)
  where h.partition = p_partition and h.rejoin is null;
end
$$;--> statement-breakpoint

-- With the fold that says that the region is a member no more.
create function forebay_leave_log(p_partition integer, p_watermark bigint) returns void
language plpgsql as $$
begin
  perform forebay_lock_head(p_partition);
  update wal_heads h
  set rejoin = null, displaced = null, orphans_after = coalesce(h.orphans_after, p_watermark)
  where h.partition = p_partition;
end
$$;--> statement-breakpoint

-- With the fold that has given the region new sequences, by the entry of this id. What the WAL has taken and the log does
-- not know is numbered and stamped anew; what the log may have known and forgotten is set aside: it might take effect twice.
create function forebay_join_log(p_partition integer, p_region text, p_id uuid, p_offset_ms_max bigint) returns void
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_head wal_heads;
  v_origin origins;
  v_after bigint;
  v_aside bigint;
  v_rows bigint;
  v_bytes bigint;
  v_hlc bigint;
begin
  v_head := forebay_lock_head(p_partition);
  -- Of before: this database has asked for others since.
  if v_head.joined = p_id or v_head.rejoin <> p_id then
    return;
  end if;
  if v_head.rejoin is null and v_head.orphans_after is null and (v_head.sequence > 0 or v_head.joined is not null) then
    raise exception 'another database has taken the place of this one in partition %', p_partition using errcode = 'FB003';
  end if;
  select * into strict v_origin from origins o where o.partition = p_partition and o.region = p_region;
  v_after := coalesce(v_head.orphans_after, 0);

  delete from wal w
  where w.partition = p_partition and w.sequence > v_after
    and exists (select from operations o
                where o.id = w.id and o.partition = w.partition and not forebay_is_forgotten(o.partition, o.position));
  with old as (
    delete from wal w using applied a
    where w.partition = p_partition and w.sequence > v_after and a.partition = p_partition
      and a.forgotten_time_ms > 0 and (w.hlc >> 16) <= a.forgotten_time_ms + p_offset_ms_max
    returning w.*
  ), kept as (
    insert into set_aside (sequence, hlc, seen, partition, id, accepted_at, record_id, reason, body)
    select o.sequence, o.hlc, o.seen, o.partition, o.id, o.accepted_at, o.record_id, 'forgotten', o.body from old o
    on conflict do nothing
  )
  select count(*) into v_aside from old;

  v_hlc := forebay_next_hlc(
    p_partition, greatest(v_head.hlc, v_origin.hlc, forebay_stamp_of(v_origin.tick ->> 'hlc')),
    floor(extract(epoch from clock_timestamp()) * 1000)::bigint, p_offset_ms_max);
  with orphans as (
    select w.sequence, row_number() over rising as rank,
           sum(forebay_wal_bytes(w.record_id, w.body)) over rising as bytes
    from wal w where w.partition = p_partition and w.sequence > v_after
    window rising as (order by w.sequence rows unbounded preceding)
  ), renumbered as (
    update wal w
    set sequence = v_origin.watermark + o.rank, hlc = v_hlc + o.rank - 1, bytes = v_head.bytes + o.bytes
    from orphans o where w.partition = p_partition and w.sequence = o.sequence
  )
  select count(*), coalesce(max(o.bytes), 0) into v_rows, v_bytes from orphans o;
  perform forebay_sum_takes(p_partition, v_origin.watermark);

  update wal_heads h
  set sequence = v_origin.watermark + v_rows, hlc = v_hlc + greatest(v_rows, 1) - 1, bytes = v_head.bytes + v_bytes,
      joined = p_id, rejoin = null, orphans_after = null, displaced = null, set_aside = h.set_aside + v_aside
  where h.partition = p_partition;
end
$$;--> statement-breakpoint

-- Sums what rows after a sequence take from escrows anew: rows in between may be gone.
create function forebay_sum_takes(p_partition integer, p_after bigint) returns void
language plpgsql as $$
declare
  v_row record;
  v_take record;
  v_record_id text;
  v_sums jsonb;
begin
  for v_row in
    select w.sequence, w.record_id, w.taken from wal w
    where w.partition = p_partition and w.sequence > p_after and w.taken is not null
    order by w.record_id, w.sequence
  loop
    if v_row.record_id is distinct from v_record_id then
      v_record_id := v_row.record_id;
      v_sums := '{}';
    end if;
    for v_take in select t.key as field, t.value as amounts from jsonb_each(v_row.taken) t loop
      v_sums := v_sums || jsonb_build_object(v_take.field, jsonb_build_array(
        coalesce((v_sums -> v_take.field ->> 0)::bigint, 0) + (v_take.amounts ->> 0)::bigint,
        coalesce((v_sums -> v_take.field ->> 1)::bigint, 0) + (v_take.amounts ->> 1)::bigint));
    end loop;
    update wal w
    set taken = (
      select jsonb_object_agg(s.key, jsonb_build_array(coalesce(v_row.taken -> s.key -> 0, '0'), coalesce(v_row.taken -> s.key -> 1, '0'),
                                                       s.value -> 0, s.value -> 1))
      from jsonb_each(v_sums) s)
    where w.partition = p_partition and w.sequence = v_row.sequence;
  end loop;
end
$$;
