/** Rounds of work: what is refused or busy keeps nothing else from being done, and is told once there is nothing else left. */
import pg from "pg";
import { describe, expect, it } from "vitest";
import { Rounds } from "../../../../services/adapters/postgres/sql/rounds.ts";
import { FollowError, type SqlAccess } from "../../../../services/ports/sql-access.ts";
import { StoreUnavailableError } from "../../../../services/ports/region-store.ts";

const refused = () => Promise.reject(new pg.DatabaseError("refused", 1, "error"));
const busy = () => Promise.resolve(null);
const does = (count: number) => () => Promise.resolve(count);

type Work = () => Promise<number | null>;

function roundsOf(
  rounds = new Rounds(),
): (...works: readonly Work[]) => ReturnType<SqlAccess["followViews"]> {
  return (...works) =>
    rounds.run(async (attempt) => {
      for (const [index, work] of works.entries()) await attempt(`do ${index}`, work);
    });
}

describe("rounds", () => {
  it("do what comes after a refusal, and tell of it once there is nothing else to do", async () => {
    const round = roundsOf();
    expect(await round(refused, does(2), refused, does(1))).toBe(3);
    const told = await round(does(0), refused, refused).catch((error: unknown) => error);
    expect(told).toBeInstanceOf(FollowError);
    expect(told).toMatchObject({ message: "do 1: refused; and 1 more" });
    expect(await round(does(0))).toBe(0);
  });

  it("end with a database that is away", async () => {
    const asked: string[] = [];
    const away = () => Promise.reject(new StoreUnavailableError("PostgreSQL: away", { outcome: "none" }));
    const next = () => Promise.resolve(asked.push("next"));
    await expect(roundsOf()(away, next)).rejects.toThrow(StoreUnavailableError);
    expect(asked).toEqual([]);
  });

  it("tell of what is busy elsewhere after many in a row, and as long as it is", async () => {
    const round = roundsOf();
    const wait = async () => {
      for (let count = 0; count < 80; count += 1) expect(await round(does(0), busy)).toBe(0);
    };
    await wait();
    expect(await round(busy, does(1))).toBe(1);
    await wait();
    await expect(round(busy, does(0), busy)).rejects.toThrow(
      "81 rounds in a row, and this one could not do 0 and 1 more",
    );
    await expect(round(busy)).rejects.toThrow("82 rounds in a row, and this one could not do 0");
    expect(await round(does(0))).toBe(0);
    expect(await round(busy)).toBe(0);
  });
});
