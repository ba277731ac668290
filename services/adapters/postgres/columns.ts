/** Types of columns that the tables have in common. */
import { bigint, customType } from "drizzle-orm/pg-core";

/** Text that sorts by its bytes, in every database, whatever locale it was made with. */
export const bytewise = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });
export const bytewiseTexts = customType<{ data: string[] }>({ dataType: () => 'text[] COLLATE "C"' });
export const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });

/** Position in the log, sequence in the WAL, count of bytes: below 2^53, so that JavaScript has them exactly. */
export const count = (name: string) => bigint(name, { mode: "number" });
/** All 64 bits: the stamp's unsigned integer, read as a signed one. */
export const stamp = (name: string) => bigint(name, { mode: "bigint" });
