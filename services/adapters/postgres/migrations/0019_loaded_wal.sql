-- Whether a partition's state was loaded from elsewhere, and is not proven yet.
create function forebay_is_loaded(p_partition integer) returns boolean
language sql stable as $$
  select exists (select from bootstraps b where b.partition = p_partition and b.stage in ('folding', 'verifying'))
$$;--> statement-breakpoint

-- Whether a row of the WAL whose id is in no row of operations may have taken effect and be forgotten. Not where it was taken after
-- all that is forgotten was folded: it would be known, or have an outcome since. Nor where it was stamped an hour after that: clocks
-- are off by less, and whoever tries again what another region has taken does so sooner.
create function forebay_may_be_forgotten(p_seen bigint, p_hlc bigint, p_forgotten_position bigint, p_forgotten_time_ms bigint)
returns boolean
language sql immutable as $$
  select p_seen < p_forgotten_position and (p_hlc >> 16) <= p_forgotten_time_ms + 3600000
$$;--> statement-breakpoint

-- The first row of the WAL up to a sequence that the log does not know and has not forgotten; null where there is none. Looks at each
-- row: for where a state was loaded in place of being folded, when nobody has compared them one by one.
create function forebay_first_unknown(p_partition integer, p_sequence bigint) returns bigint
language sql stable as $$
  select min(w.sequence) from wal w, applied a
  where w.partition = p_partition and w.sequence <= p_sequence and a.partition = p_partition
    and not forebay_may_be_forgotten(w.seen, w.hlc, a.forgotten_position, a.forgotten_time_ms)
    and not exists (select from operations o where o.id = w.id and o.partition = w.partition)
$$;--> statement-breakpoint

-- Up to which sequence the WAL is what the log has, as far as operations tell: 0 where they tell of none. Ends before the first that
-- is not known, also where later ones are: a process that outlives its database goes on after what it has sent of the one before.
create or replace function forebay_known_to(p_partition integer, p_region text, p_sequence bigint) returns bigint
language sql stable as $$
  select least(forebay_first_unknown(p_partition, p_sequence) - 1, coalesce((
    select w.sequence from wal w
    where w.partition = p_partition and w.sequence <= p_sequence
      and exists (select from operations o
                  where o.id = w.id and o.partition = w.partition and o.origin = p_region and o.hlc = w.hlc)
    order by w.sequence desc limit 1), 0))
$$;--> statement-breakpoint

-- As before; where the state was loaded it asks for each row up to the watermark, and not for the last alone.
create or replace function forebay_check_wal(p_partition integer, p_region text, p_offset_ms_max bigint) returns text
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
  if forebay_is_loaded(p_partition) and forebay_first_unknown(p_partition, v_origin.watermark) is not null then
    return 'lost';
  end if;
  select * into v_row from wal w where w.partition = p_partition and w.sequence = v_origin.watermark;
  if found then
    if exists (select from operations o where o.id = v_row.id and o.partition = p_partition)
       or (select forebay_may_be_forgotten(v_row.seen, v_row.hlc, a.forgotten_position, a.forgotten_time_ms)
           from applied a where a.partition = p_partition) then
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

-- As before; also where it is forced under a state that was loaded, and perhaps not looked at yet, it looks for what of the WAL that has.
create or replace function forebay_start_rejoin(
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
  if p_is_loaded or (p_position is null and forebay_is_loaded(p_partition)) or v_head.joined is distinct from v_joined then
    v_watermark := forebay_known_to(p_partition, p_region, least(v_watermark, v_head.sequence));
  end if;
  update wal_heads h
  set rejoin = p_id, orphans_after = coalesce(h.orphans_after, v_watermark), displaced = null
  where h.partition = p_partition;
end
$$;--> statement-breakpoint

-- As before; what is set aside is what `forebay_may_be_forgotten` tells, and not what was stamped before a moment.
create or replace function forebay_join_log(p_partition integer, p_region text, p_id uuid, p_offset_ms_max bigint) returns void
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
      and forebay_may_be_forgotten(w.seen, w.hlc, a.forgotten_position, a.forgotten_time_ms)
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
$$;
