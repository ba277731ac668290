-- As before, and no clock of a process counts as further ahead than the allowed offset from the database's own: what one process
-- has stamped all others come after, for as long as it takes the right time to get there.
create or replace function forebay_next_hlc(p_partition integer, p_last bigint, p_now_ms bigint, p_offset_ms_max bigint) returns bigint
language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now_ms bigint := least(p_now_ms, floor(extract(epoch from clock_timestamp()) * 1000)::bigint + p_offset_ms_max);
begin
  return greatest(
    v_now_ms << 16,
    p_last + 1,
    (select max(o.hlc) + 1 from origins o where o.partition = p_partition and (o.hlc >> 16) <= v_now_ms + p_offset_ms_max),
    (select a.hlc + 1 from applied a where a.partition = p_partition and (a.hlc >> 16) <= v_now_ms + p_offset_ms_max)
  );
end
$$;
