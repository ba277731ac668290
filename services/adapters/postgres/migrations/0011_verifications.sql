CREATE TABLE "verifications" (
	"started_at_ms" bigint NOT NULL,
	"id" uuid PRIMARY KEY NOT NULL,
	"body" text NOT NULL
);
--> statement-breakpoint
CREATE INDEX "verifications_by_time" ON "verifications" USING btree ("started_at_ms","id");