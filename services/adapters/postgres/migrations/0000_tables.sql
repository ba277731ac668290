CREATE TABLE "applied" (
	"partition" integer PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL,
	"log_time_ms" bigint NOT NULL,
	"chain" text NOT NULL,
	"cluster" text,
	"partitions" integer NOT NULL,
	"members" text[] NOT NULL,
	"log_created_at_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "collections" (
	"partition" integer NOT NULL,
	"version" integer NOT NULL,
	"tenant" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"schema" jsonb NOT NULL,
	CONSTRAINT "collections_partition_tenant_name_pk" PRIMARY KEY("partition","tenant","name")
);
--> statement-breakpoint
CREATE TABLE "conflicts" (
	"position" bigint NOT NULL,
	"log_time_ms" bigint NOT NULL,
	"partition" integer NOT NULL,
	"ordinal" integer NOT NULL,
	"loser_operation" uuid,
	"winner_operation" uuid,
	"tenant" text COLLATE "C" NOT NULL,
	"collection" text COLLATE "C" NOT NULL,
	"key" text COLLATE "C" NOT NULL,
	"field" text COLLATE "C" NOT NULL,
	"entry" text,
	"reason" text NOT NULL,
	"loser" jsonb NOT NULL,
	"winner" jsonb NOT NULL,
	CONSTRAINT "conflicts_partition_position_ordinal_pk" PRIMARY KEY("partition","position","ordinal")
);
--> statement-breakpoint
CREATE TABLE "operations" (
	"id" uuid NOT NULL,
	"position" bigint NOT NULL,
	"hlc" bigint NOT NULL,
	"partition" integer NOT NULL,
	"tenant" text COLLATE "C" NOT NULL,
	"origin" text COLLATE "C" NOT NULL,
	"status" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"reason" text,
	CONSTRAINT "operations_id_partition_pk" PRIMARY KEY("id","partition")
);
--> statement-breakpoint
CREATE TABLE "origins" (
	"partition" integer NOT NULL,
	"region" text COLLATE "C" NOT NULL,
	"watermark" bigint NOT NULL,
	"epoch" bigint NOT NULL,
	"hlc" bigint NOT NULL,
	"chain" text NOT NULL,
	"tick" jsonb,
	"promise" jsonb,
	CONSTRAINT "origins_partition_region_pk" PRIMARY KEY("partition","region")
);
--> statement-breakpoint
CREATE TABLE "records" (
	"version" bigint NOT NULL,
	"partition" integer NOT NULL,
	"record_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"fields" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "roles" (
	"role" text NOT NULL,
	"partition" integer NOT NULL,
	"epoch" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"holder" text NOT NULL,
	CONSTRAINT "roles_role_partition_pk" PRIMARY KEY("role","partition")
);
--> statement-breakpoint
CREATE TABLE "wal" (
	"partition" integer NOT NULL,
	"sequence" bigint NOT NULL,
	"hlc" bigint NOT NULL,
	"seen" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	"accepted_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"id" uuid NOT NULL,
	"record_id" text COLLATE "C" NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"body" text NOT NULL,
	CONSTRAINT "wal_partition_sequence_pk" PRIMARY KEY("partition","sequence")
);
--> statement-breakpoint
CREATE TABLE "wal_heads" (
	"partition" integer PRIMARY KEY NOT NULL,
	"sequence" bigint NOT NULL,
	"hlc" bigint NOT NULL,
	"bytes" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "conflicts_by_loser" ON "conflicts" USING btree ("loser_operation") WHERE loser_operation is not null;--> statement-breakpoint
CREATE INDEX "wal_by_id" ON "wal" USING btree ("id");--> statement-breakpoint
CREATE INDEX "wal_by_record" ON "wal" USING btree ("record_id","sequence");