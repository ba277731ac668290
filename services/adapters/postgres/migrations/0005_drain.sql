CREATE TABLE "drain" (
	"is_on" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"started_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "drain_has_one_row" CHECK ("drain"."is_on")
);
