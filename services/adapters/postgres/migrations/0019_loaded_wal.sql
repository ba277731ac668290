-- The first row of the WAL up to a sequence that the log does not know although it is too young to be forgotten; null where there is
-- none. Looks at each row: for where a state was loaded in place of being folded, when nobody has compared them one by one.
create function forebay_first_unknown(p_partition integer, p_sequence bigint, p_offset_ms_max bigint) returns bigint
language sql stable as $$
  select min(w.sequence) from wal w
  where w.partition = p_partition and w.sequence <= p_sequence
    and (w.hlc >> 16) > p_offset_ms_max + (select a.forgotten_time_ms from applied a where a.partition = p_partition)
    and not exists (select from operations o where o.id = w.id and o.partition = w.partition)
$$;--> statement-breakpoint

drop function forebay_known_to(integer, text, bigint);--> statement-breakpoint

-- Up to which sequence the WAL is what the log has, as far as operations tell: 0 where they tell of none. Ends before the first that
-- is not known, also where later ones are: a process that outlives its database goes on after what it has sent of the one before.
create function forebay_known_to(p_partition integer, p_region text, p_sequence bigint, p_offset_ms_max bigint) returns bigint
language sql stable as $$
  select least(forebay_first_unknown(p_partition, p_sequence, p_offset_ms_max) - 1, coalesce((
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
    update wal_heads h set orphans_after = forebay_known_to(p_partition, p_region, h.sequence, p_offset_ms_max)
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
      update wal_heads h
      set orphans_after = coalesce(h.orphans_after, forebay_known_to(p_partition, p_region, h.sequence, p_offset_ms_max))
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
  if exists (select from bootstraps b where b.partition = p_partition and b.stage in ('folding', 'verifying'))
     and forebay_first_unknown(p_partition, v_origin.watermark, p_offset_ms_max) is not null then
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

drop function forebay_start_rejoin(integer, text, uuid, bigint, boolean);--> statement-breakpoint

-- From here on nothing is appended, until the log has given the region new sequences.
--   p_position       of the state that was found not to be the WAL's; null is forced
--   p_is_loaded      the state did not come from folding: then even rows below the watermark may be unknown to the log
--   p_offset_ms_max  processes of before this migration name none: then more rows may be set aside, and none is lost
create function forebay_start_rejoin(
  p_partition integer, p_region text, p_id uuid, p_position bigint, p_is_loaded boolean, p_offset_ms_max bigint default 0)
returns void
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
    v_watermark := forebay_known_to(p_partition, p_region, least(v_watermark, v_head.sequence), p_offset_ms_max);
  end if;
  update wal_heads h
  set rejoin = p_id, orphans_after = coalesce(h.orphans_after, v_watermark), displaced = null
  where h.partition = p_partition;
end
$$;
