/** Setup → programs → servers in parallel → databases migrated → JetStream has a leader → region processes. */
import type { LocalClusterOptions } from "./cluster-options.ts";
import type { Setup } from "./cluster-setup.ts";
import { LinkProxies } from "./link-proxy.ts";
import { provisionNats, type NatsProgram } from "./provision/nats.ts";
import { provisionPostgres, type PostgresPrograms } from "./provision/postgres.ts";
import type { Site } from "./site.ts";
import { runStep, type OnStep } from "./steps.ts";

const UNDRAIN = "it takes no writes until forebay region undrain";

export interface Programs {
  readonly natsProgram: NatsProgram;
  readonly postgresPrograms: PostgresPrograms | undefined;
}

/** What every part of a bring-up is given. */
export interface BringUp {
  readonly options: LocalClusterOptions;
  readonly onStep: OnStep;
}

export async function provision(setup: Setup, { options, onStep }: BringUp): Promise<Programs> {
  const { signal } = options;
  const nats = runStep(onStep, {
    name: "find nats-server",
    run: () => provisionNats({ signal }),
    describe: ({ version, source }) => `${version} from ${source}`,
  });
  const postgres =
    options.postgresAdminUrl === undefined
      ? runStep(onStep, {
          name: "find PostgreSQL",
          run: () => provisionPostgres({ user: setup.user, signal }),
          describe: ({ version }) =>
            `${version}${setup.user === undefined ? "" : `, runs as user ${setup.user.name}`}`,
        })
      : undefined;
  await allOrFirstError<unknown>([nats, postgres ?? Promise.resolve()]);
  return { natsProgram: await nats, postgresPrograms: await postgres };
}

/** Opens the links without latency: the metadata leader is elected fast then, and `startServers` ends with it on. */
export async function openLinks(
  setup: Setup,
  { isEncrypted }: { isEncrypted: boolean },
): Promise<LinkProxies> {
  return await LinkProxies.open({
    topology: setup.topology,
    hasLatency: false,
    isEncrypted,
    targetPort: (region) => setup.state.regions[region]?.natsClusterPort ?? 0,
  });
}

export async function startServers(
  sites: readonly Site[],
  links: LinkProxies,
  bringUp: BringUp,
): Promise<void> {
  const { latency } = bringUp.options;
  await allOrFirstError([
    startNats(sites, bringUp).then(() => links.setLatency(latency ?? true)),
    ...sites.map((site) => startDatabase(site, bringUp)),
  ]);
}

async function startNats(sites: readonly Site[], { options, onStep }: BringUp): Promise<void> {
  const { signal } = options;
  const startAll = async (): Promise<void> => {
    // One after the other: servers that dial each other at once drop half of their routes again for a second,
    // and the first vote for a leader is lost in it.
    for (const site of sites) {
      await site.nats.start(signal);
      site.wanted.nats = true;
    }
  };
  const elect = (): Promise<unknown> =>
    allOrFirstError(sites.map((site) => site.nats.waitUntilHealthy(signal)));
  await runStep(onStep, { name: "start nats-servers", run: startAll });
  await runStep(onStep, { name: "elect a JetStream leader", run: elect });
}

async function startDatabase(site: Site, { options, onStep }: BringUp): Promise<void> {
  const { migrate, signal } = options;
  await runStep(onStep, { name: `start PostgreSQL ${site.name}`, run: () => site.postgres.start(signal) });
  site.wanted.postgres = true;
  if (migrate !== undefined) {
    const run = (): Promise<void> => migrate({ url: site.postgres.url });
    await runStep(onStep, { name: `migrate database ${site.name}`, run });
  }
}

/** Of a cluster that runs: servers and process of one more region. */
export async function startLater(site: Site, bringUp: BringUp): Promise<void> {
  await startNats([site], bringUp);
  await startDatabase(site, bringUp);
  await startProcesses([site], bringUp);
}

export async function startProcesses(sites: readonly Site[], { options, onStep }: BringUp): Promise<void> {
  await allOrFirstError(
    sites.map(async (site) => {
      await runStep(onStep, {
        name: `start region ${site.name}`,
        run: () => site.process.start({}, options.signal),
        describe: () =>
          `${site.process.url}${site.process.isDrained ? `, drained: ${UNDRAIN} ${site.name}` : ""}`,
      });
      site.wanted.process = true;
    }),
  );
}

/** Like Promise.all, but settles only when all have: nothing that was begun goes on behind a clean-up. */
async function allOrFirstError<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
