/** `npm run compose:prepare`: makes the files that infra/compose/three-regions.yaml mounts. */
import { join } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { readTopology } from "../../services/runtime/topology.ts";
import { prepareComposition } from "./prepare.ts";

const folder = join(packageRoot(), ".forebay", "compose");
const topology = readTopology(join(packageRoot(), "regions", "local.yaml"));
const isNew = prepareComposition({ folder, topology });
console.log(
  `${folder} ${isNew ? "has what the composition mounts" : "has it already, and was left as it is"}`,
);
