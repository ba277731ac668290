-- What the next tick may say. Whoever reads less can't fold for the next seconds: others may publish such entries as long as
-- they believe the tick, and a while longer: for fifteen seconds from this tick, and not from an earlier one that said the same.
-- What holds for longer than that is not written anew.
create or replace function forebay_promise_reads(p_region text, p_partition integer, p_reads integer) returns integer
language plpgsql as $$
declare
  v_reads integer;
begin
  select greatest(least(p_reads, forebay_region_reads(p_region)), coalesce(max(v.needed), 0)) into v_reads
  from entry_versions v where v.partition = p_partition;
  insert into entry_versions (partition, promised, promised_until)
  values (p_partition, v_reads, clock_timestamp() + interval '18 seconds')
  on conflict (partition) do update set promised = excluded.promised, promised_until = excluded.promised_until
  where (entry_versions.promised <= v_reads and entry_versions.promised_until < clock_timestamp() + interval '15 seconds')
     or entry_versions.promised < v_reads
     or entry_versions.promised_until < clock_timestamp();
  return v_reads;
end
$$;
