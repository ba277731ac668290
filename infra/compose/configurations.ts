/** What the composition's servers are configured with. It holds no secret and follows from the topology alone. */
import { natsServerConfig } from "../nats/server-config.ts";
import { hostOf, ROUTES_PORT } from "./hosts.ts";

export interface ComposedTopology {
  readonly name: string;
  readonly regions: readonly { readonly name: string }[];
}

const VARIABLES_FILE = "variables.conf";

/**
 * Over the network nobody connects unencrypted. The socket is in a folder of the container's own memory, where nobody runs but the
 * user whose files the database's are: the image's own first steps, and whoever looks after it, come that way.
 */
const POSTGRES_ACCESS = "local all all trust\nhostssl all all all scram-sha-256\n";

/** Texts by the name of their file. */
export function configurationsOf(topology: ComposedTopology): Readonly<Record<string, string>> {
  const regions = topology.regions.map(({ name }) => name);
  const ofServers = regions.map((region) => [`nats_${region}`, natsConfig(topology.name, region, regions)]);
  return { postgres_access: POSTGRES_ACCESS, ...(Object.fromEntries(ofServers) as Record<string, string>) };
}

function natsConfig(name: string, region: string, regions: readonly string[]): string {
  return natsServerConfig({
    region,
    regions,
    clusterName: `forebay-${name}`,
    listen: "0.0.0.0:4222",
    // Nothing of the composition's network is published but the regions' HTTP.
    monitor: "0.0.0.0:8222",
    // Else the others would dial the container's address, which no certificate says.
    routes: { listen: `0.0.0.0:${ROUTES_PORT}`, advertise: `${hostOf("nats", region)}:${ROUTES_PORT}` },
    storeFolder: "/data",
    variablesFile: VARIABLES_FILE,
    tls: {
      caFile: "/etc/nats/ca.pem",
      certFile: "/etc/nats/certificate.pem",
      keyFile: "/etc/nats/key.pem",
    },
  });
}
