/** Whether the region loads its state is looked for in the database; requests outlive a look that hangs or fails. */
import { expect, it } from "vitest";
import { StoreUnavailableError, type RegionStore } from "../../../services/ports/region-store.ts";
import { Bed, overriding, read, write } from "./bed.ts";

type Reading = RegionStore["readBootstraps"];

const away: Reading = () => Promise.reject(new StoreUnavailableError("away", { outcome: "none" }));
const never: Reading = () => new Promise<never>(() => undefined);

it.each([
  ["hangs", never],
  ["fails", away],
])("a request outlives a look that %s", async (_, first) => {
  const bed = new Bed();
  await bed.startAll();
  const { store } = bed.first.options;
  const looks: Reading[] = [];
  const readBootstraps: Reading = () => (looks.shift() ?? store.readBootstraps.bind(store))();
  const gateway = bed.first.anotherGateway({ drainStore: overriding(store, { readBootstraps }) });
  await bed.run(gateway.lookAtDrain());
  await bed.run(gateway.write(write()));
  // The process was paused: what it knows is too old, and all requests share the next look.
  await bed.pass(2_000);
  looks.push(first);
  const answers = await bed.run(
    Promise.all([gateway.read(read()), gateway.read(read()), gateway.write(write())]),
  );
  expect(answers).toMatchObject([{ key: "ada" }, { key: "ada" }, { status: "accepted" }]);
});
