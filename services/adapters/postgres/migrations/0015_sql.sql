CREATE TABLE "field_indexes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "field_indexes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant" text COLLATE "C" NOT NULL,
	"collection" text COLLATE "C" NOT NULL,
	"field" text COLLATE "C" NOT NULL,
	"signature" text NOT NULL,
	"is_ready" boolean DEFAULT false NOT NULL,
	"built_to" text COLLATE "C",
	CONSTRAINT "field_indexes_of_fields" UNIQUE("tenant","collection","field")
);
--> statement-breakpoint
CREATE TABLE "field_keys" (
	"index_id" bigint NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"key" text COLLATE "C",
	CONSTRAINT "field_keys_index_id_record_id_pk" PRIMARY KEY("index_id","record_id")
);
--> statement-breakpoint
CREATE TABLE "reader_tenants" (
	"login" text COLLATE "C" NOT NULL,
	"tenant" text COLLATE "C" NOT NULL,
	"schema" text COLLATE "C" NOT NULL,
	"granted_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "reader_tenants_login_tenant_pk" PRIMARY KEY("login","tenant")
);
--> statement-breakpoint
CREATE TABLE "sql_locks" (
	"name" text COLLATE "C" PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE INDEX "field_keys_in_order" ON "field_keys" USING btree ("index_id","key","record_id");--> statement-breakpoint

insert into sql_locks (name) values ('views'), ('indexes');--> statement-breakpoint

-- Whether the work is this transaction's, and no other's until it ends. An advisory lock could be taken by every reader.
-- It waits for a moment: whoever has failed tells so before its locks are free.
create function forebay_take_turn(p_name text) returns boolean
language plpgsql set lock_timeout = '200ms' as $$
begin
  perform from public.sql_locks l where l.name = p_name for update;
  return found;
exception when lock_not_available then
  return false;
end
$$;--> statement-breakpoint

-- What a record shows in SQL is what `core/record.ts` shows of it. Bodies are bound when the functions are made: whatever
-- search_path a reader sets, they mean the same.
create function forebay_show(p_state jsonb) returns jsonb
language sql immutable parallel safe
return case p_state ->> 'kind'
  when 'counter' then p_state -> 'sum'
  when 'set' then (
    select coalesce(jsonb_agg(e.element::jsonb order by e.element collate "C"), '[]'::jsonb)
    from jsonb_object_keys(p_state -> 'elements') e(element))
  when 'map' then (
    select coalesce(jsonb_object_agg(e.key, e.value -> 'value') filter (where e.value -> 'value' is not null), '{}'::jsonb)
    from jsonb_each(p_state -> 'entries') e)
  when 'register' then (
    select coalesce(jsonb_agg(e.value -> 'value' order by e.ordinality), '[]'::jsonb)
    from jsonb_array_elements(p_state -> 'values') with ordinality e)
  when 'escrow' then to_jsonb((p_state ->> 'min')::numeric + (
    select coalesce(sum(e.value::numeric), 0) from jsonb_each_text(p_state -> 'rights') e))
  else p_state -> 'value' end;--> statement-breakpoint

-- A value of another type than the column's, which an older schema may have let in, is none: a cast that fails would fail
-- the whole query, and say in its error what the record holds.
create function forebay_text(p_value jsonb) returns text
language sql immutable parallel safe
return case when jsonb_typeof(p_value) = 'string' then p_value #>> '{}' end;--> statement-breakpoint

create function forebay_number(p_value jsonb) returns double precision
language sql immutable parallel safe
return case when jsonb_typeof(p_value) = 'number' then (p_value #>> '{}')::double precision end;--> statement-breakpoint

create function forebay_integer(p_value jsonb) returns bigint
language sql immutable parallel safe
return case when jsonb_typeof(p_value) = 'number' then
  case when (p_value #>> '{}')::numeric between -9223372036854775808 and 9223372036854775807
    and (p_value #>> '{}')::numeric % 1 = 0 then (p_value #>> '{}')::numeric::bigint end end;--> statement-breakpoint

create function forebay_boolean(p_value jsonb) returns boolean
language sql immutable parallel safe
return case when jsonb_typeof(p_value) = 'boolean' then (p_value #>> '{}')::boolean end;--> statement-breakpoint

-- Whether whoever has logged in may read a tenant's views. `set role` does not change that; who may read the tables
-- themselves may read their views as well.
create function forebay_reads(p_tenant text) returns boolean
language sql stable parallel restricted security definer
return exists (select from public.reader_tenants t where t.tenant = p_tenant and t.login = session_user::text)
  or pg_has_role(session_user, current_user, 'usage');--> statement-breakpoint

create schema if not exists forebay_read;--> statement-breakpoint

-- How far the region is with the log: what it has folded is what views show. Log time goes on every second at least.
create view forebay_read.staleness as
select a.partition, a.position, to_timestamp(a.log_time_ms / 1000.0) as log_time,
       greatest(clock_timestamp() - to_timestamp(a.log_time_ms / 1000.0), interval '0') as age,
       exists (select from public.bootstraps b where b.partition = a.partition) as is_loading
from public.applied a;--> statement-breakpoint

-- The `_id` of a record in its collection's view.
create function forebay_read.record_id(p_tenant text, p_collection text, p_key text) returns text
language sql immutable parallel safe
return p_tenant || chr(10) || p_collection || chr(10) || p_key;--> statement-breakpoint

-- Logins that may read a tenant's views, and have no use of its schema yet: it was made later, or they were.
create function forebay_missing_grants() returns table (login text, schema text)
language sql stable
begin atomic
  select r.login, r.schema from public.reader_tenants r
  join pg_catalog.pg_namespace n on n.nspname = r.schema
  join pg_catalog.pg_roles l on l.rolname = r.login
  where not has_schema_privilege(l.oid, n.oid, 'usage');
end;--> statement-breakpoint

-- Lets readers read the views that there are, if the server has their role: each login those in schemas of its tenants.
-- What another tenant's view is made of, and what the planner knows of it, is told to nobody who has no use of the schema.
create function forebay_grant_readers() returns void
language plpgsql as $$
declare
  v_one record;
begin
  -- Two that grant rights to the same thing at once would fail.
  perform from public.sql_locks l where l.name = 'views' for update;
  if to_regrole('forebay_reader') is null then
    return;
  end if;
  grant usage on schema forebay_read to forebay_reader;
  grant select on forebay_read.staleness to forebay_reader;
  grant execute on function forebay_read.record_id(text, text, text), forebay_reads(text), forebay_show(jsonb),
    forebay_text(jsonb), forebay_number(jsonb), forebay_integer(jsonb), forebay_boolean(jsonb) to forebay_reader;
  for v_one in
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'v' and obj_description(c.oid, 'pg_class') like 'forebay view %'
      and not has_table_privilege('forebay_reader', c.oid, 'select')
  loop
    execute format('grant select on %I.%I to forebay_reader', v_one.nspname, v_one.relname);
  end loop;
  for v_one in select m.login, m.schema from public.forebay_missing_grants() m
  loop
    execute format('grant usage on schema %I to %I', v_one.schema, v_one.login);
  end loop;
end
$$;--> statement-breakpoint

-- Makes a view, in place of the one that there is: in one transaction, so that it is there all the time. Null while another
-- process of the region is at it. Whoever reads the old one is not waited for long: others would wait behind us.
create function forebay_make_view(p_schema text, p_view text, p_query text, p_digest text) returns boolean
language plpgsql set lock_timeout = '1s' as $$
declare
  v_rest text := format('view %I.%I with (security_barrier) as %s', p_schema, p_view, p_query);
begin
  if not forebay_take_turn('views') then
    return null;
  end if;
  execute format('create schema if not exists %I', p_schema);
  -- With more columns at its end it stays the same view, whatever is made of it elsewhere.
  begin
    execute 'create or replace ' || v_rest;
  exception when invalid_table_definition then
    execute format('drop view %I.%I', p_schema, p_view);
    execute 'create ' || v_rest;
  end;
  execute format('comment on view %I.%I is %L', p_schema, p_view, 'forebay view ' || p_digest);
  perform forebay_grant_readers();
  return true;
end
$$;--> statement-breakpoint

create function forebay_drop_view(p_schema text, p_view text) returns boolean
language plpgsql set lock_timeout = '1s' as $$
begin
  if not forebay_take_turn('views') then
    return null;
  end if;
  execute format('drop view if exists %I.%I', p_schema, p_view);
  return true;
end
$$;--> statement-breakpoint

-- As `indexKey` of `core/listing/index-key.ts`, of what the field shows; null is no value. Every write of an indexed
-- collection comes by here: no function in SQL is called, which would cost more than all the rest.
create function forebay_index_key(p_fields jsonb, p_field text, p_signature jsonb) returns text
language plpgsql immutable parallel safe as $$
declare
  v_state jsonb := p_fields -> p_field;
  v_value jsonb;
  v_number double precision;
  v_bits text;
begin
  case v_state ->> 'kind'
    when 'counter' then v_value := v_state -> 'sum';
    when 'escrow' then v_value := forebay_show(v_state);
    else v_value := v_state -> 'value';
  end case;
  v_value := coalesce(v_value, p_signature -> 1);
  case p_signature ->> 0
    when 'text' then
      return case when jsonb_typeof(v_value) = 'string' then left(v_value #>> '{}', 256) end;
    when 'number' then
      if v_value is null or jsonb_typeof(v_value) <> 'number' then
        return null;
      end if;
      v_number := (v_value #>> '{}')::double precision;
      v_bits := encode(float8send(v_number), 'hex');
      -- The bits of the double sort as it does: all turned below zero, the sign above. Of the two zeros one counts.
      if v_number = 0 then
        return '8000000000000000';
      elsif v_number < 0 then
        return translate(v_bits, '0123456789abcdef', 'fedcba9876543210');
      end if;
      return translate(left(v_bits, 1), '01234567', '89abcdef') || substr(v_bits, 2);
    else
      return case v_value when 'true'::jsonb then '1' when 'false'::jsonb then '0' end;
  end case;
end
$$;--> statement-breakpoint

-- Keeps the keys of records that were written: of all that a statement wrote at once, and by id, as a build does, so that
-- neither waits for the other in a circle. Each record looks up the indexes of its own collection, however many others
-- there are: `offset 0` keeps it from being turned around.
-- While an index is built, a key that goes is written down as null: the build, which may have looked before, adds no key
-- where there is a row.
create function forebay_keep_keys() returns trigger
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  with made as materialized (
    select i.id, c.record_id, i.is_ready,
           case when c.tombstone is null then forebay_index_key(c.fields::jsonb, i.field, i.signature::jsonb) end as key
    from changed c cross join lateral (
      select i.id, i.field, i.signature, i.is_ready from field_indexes i
      where i.tenant = split_part(c.record_id, chr(10), 1) and i.collection = split_part(c.record_id, chr(10), 2) offset 0) i),
  gone as (
    delete from field_keys k using made m
    where m.key is null and m.is_ready and k.index_id = m.id and k.record_id = m.record_id)
  insert into field_keys (index_id, record_id, key)
  select m.id, m.record_id, m.key from made m where m.key is not null or not m.is_ready order by m.id, m.record_id
  on conflict (index_id, record_id) do update set key = excluded.key where field_keys.key is distinct from excluded.key;
  return null;
end
$$;--> statement-breakpoint

create function forebay_drop_keys() returns trigger
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  with made as materialized (
    select i.id, c.record_id, i.is_ready
    from changed c cross join lateral (
      select i.id, i.is_ready from field_indexes i
      where i.tenant = split_part(c.record_id, chr(10), 1) and i.collection = split_part(c.record_id, chr(10), 2) offset 0) i),
  gone as (
    delete from field_keys k using made m
    where m.is_ready and k.index_id = m.id and k.record_id = m.record_id)
  insert into field_keys (index_id, record_id, key)
  select m.id, m.record_id, null from made m where not m.is_ready order by m.id, m.record_id
  on conflict (index_id, record_id) do update set key = null;
  return null;
end
$$;--> statement-breakpoint

create function forebay_forget_keys() returns trigger
language plpgsql as $$
begin
  truncate field_keys;
  return null;
end
$$;--> statement-breakpoint
create trigger records_emptied after truncate on records for each statement execute function forebay_forget_keys();--> statement-breakpoint

-- Begins an index. Whoever writes to records meanwhile is waited for: later writes keep its keys, earlier ones the build
-- finds. Only the fold writes to them, and it is kept waiting for as long as the lock may take. Null while another process
-- is at it.
create function forebay_begin_index(p_tenant text, p_collection text, p_field text, p_signature text) returns boolean
language plpgsql set lock_timeout = '1s' as $$
begin
  if not forebay_take_turn('indexes') then
    return null;
  end if;
  lock table records in share row exclusive mode;
  delete from field_indexes i where i.tenant = p_tenant and i.collection = p_collection and i.field = p_field;
  insert into field_indexes (tenant, collection, field, signature) values (p_tenant, p_collection, p_field, p_signature);
  if not exists (select from pg_trigger t where t.tgrelid = 'records'::regclass and t.tgname = 'forebay_keys_inserted') then
    create trigger forebay_keys_inserted after insert on records referencing new table as changed
      for each statement execute function forebay_keep_keys();
    create trigger forebay_keys_updated after update on records referencing new table as changed
      for each statement execute function forebay_keep_keys();
    create trigger forebay_keys_deleted after delete on records referencing old table as changed
      for each statement execute function forebay_drop_keys();
  end if;
  return true;
end
$$;--> statement-breakpoint

-- Gives keys to the next records that an index lacks. Null while another process is at it.
create function forebay_build_index(p_index bigint, p_from text, p_to text, p_rows integer) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_index field_indexes;
  v_rows integer;
  v_last text;
begin
  if not forebay_take_turn('indexes') then
    return null;
  end if;
  select * into v_index from field_indexes i where i.id = p_index and not i.is_ready for update;
  if not found then
    return 0;
  end if;
  with batch as materialized (
    select r.record_id, r.fields, r.tombstone from records r
    where r.record_id > coalesce(v_index.built_to, p_from) and r.record_id < p_to order by r.record_id limit p_rows),
  written as (
    insert into field_keys (index_id, record_id, key)
    select p_index, b.record_id, k.key from batch b
    cross join lateral (
      select forebay_index_key(b.fields::jsonb, v_index.field, v_index.signature::jsonb) as key offset 0) k
    where b.tombstone is null and k.key is not null
    on conflict (index_id, record_id) do nothing)
  select count(*), max(b.record_id) into v_rows, v_last from batch b;
  update field_indexes i set built_to = coalesce(v_last, i.built_to), is_ready = v_rows < p_rows where i.id = p_index;
  return v_rows;
end
$$;--> statement-breakpoint

create function forebay_end_index(p_index bigint) returns boolean
language plpgsql as $$
begin
  if not forebay_take_turn('indexes') then
    return null;
  end if;
  delete from field_indexes i where i.id = p_index;
  return true;
end
$$;--> statement-breakpoint

-- Where no field is indexed, there is nothing to keep. It can wait for a moment when nobody reads records.
create function forebay_drop_key_triggers() returns boolean
language plpgsql set lock_timeout = '100ms' as $$
begin
  if not forebay_take_turn('indexes') then
    return null;
  elsif exists (select from field_indexes) then
    return false;
  end if;
  drop trigger if exists forebay_keys_inserted on records;
  drop trigger if exists forebay_keys_updated on records;
  drop trigger if exists forebay_keys_deleted on records;
  return true;
end
$$;--> statement-breakpoint

-- Deletes keys of indexes that are gone, at most so many.
create function forebay_trim_keys(p_rows integer) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_index bigint;
  v_rows integer;
begin
  with recursive ids as (
    select min(k.index_id) as id from field_keys k
    union all
    select (select min(k.index_id) from field_keys k where k.index_id > ids.id) from ids where ids.id is not null)
  select ids.id into v_index from ids
  where ids.id is not null and not exists (select from field_indexes i where i.id = ids.id) limit 1;
  if v_index is null then
    return 0;
  end if;
  -- What a write has locked is left to the next time: waiting for it while holding others' keys would be a deadlock.
  delete from field_keys k where k.index_id = v_index and k.record_id in (
    select o.record_id from field_keys o where o.index_id = v_index order by o.record_id limit p_rows
    for update skip locked);
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
