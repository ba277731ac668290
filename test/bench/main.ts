/** `npm run bench [accept] [decide] [fold] [memory]`: measures for real and prints figures as JSON lines. */
import { benchAccept } from "./accept.ts";
import { benchDecide } from "./decide.ts";
import { benchFold } from "./fold.ts";
import { benchMemory } from "./memory.ts";

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  accept: benchAccept,
  decide: benchDecide,
  fold: benchFold,
  memory: benchMemory,
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) await BENCHES[name]!();
