/** `npm run compose:prepare [-- --renew]`: makes the files that infra/compose/three-regions.yaml mounts. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { readTopology } from "../../services/runtime/topology.ts";
import { endsOf } from "./certificates.ts";
import { prepareComposition } from "./prepare.ts";

const { values } = parseArgs({ options: { renew: { type: "boolean", default: false } } });
const folder = join(packageRoot(), ".forebay", "compose");
const topology = readTopology(join(packageRoot(), "regions", "local.yaml"));
const made = await prepareComposition({ folder, topology, isRenewal: values.renew });
const ends = endsOf(
  folder,
  topology.regions.map(({ name }) => name),
);
const day = (date: Date) => date.toISOString().slice(0, 10);

console.log(
  made.length === 0
    ? `${folder} has it already, and was left as it is`
    : `${folder} got ${made.join(", ")}; all else was left as it is`,
);
console.log(
  `certificates are valid until ${day(ends.servers)}, the authority until ${day(ends.authority)}; ` +
    "`npm run compose:prepare -- --renew` makes new certificates, which servers show once they are restarted",
);
