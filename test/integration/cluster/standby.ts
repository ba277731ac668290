/** A streaming standby of a region's database, on the same machine: copied from its primary, promoted, and given its address. */
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { runCommand } from "../../../infra/local/command.ts";
import { LOOPBACK, PortChooser } from "../../../infra/local/ports.ts";
import { PostgresServer } from "../../../infra/local/postgres-server.ts";
import { provisionPostgres } from "../../../infra/local/provision/postgres.ts";
import { RunRecords } from "../../../infra/local/run-records.ts";
import { serverUser } from "../../../infra/local/server-user.ts";
import { queryOnce } from "../postgres/server.ts";
import { eventually, type LocalBed } from "./bed.ts";

const COPY_TIMEOUT_MS = 60_000;
const STREAMING = "select state, sync_state from pg_stat_replication";

export class Standby {
  readonly #region: string;
  /** Of the primary, as the region's processes have it: a name that moves. */
  readonly #address: URL;
  readonly #server: PostgresServer;
  #forwarder: Server | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(region: string, address: URL, server: PostgresServer) {
    this.#region = region;
    this.#address = address;
    this.#server = server;
  }

  /** Copies the region's database as a crash would leave it, so it is away for that long, and follows it. */
  static async of(bed: LocalBed, region: string): Promise<Standby> {
    const address = new URL(bed.cluster.region(region).postgres.url);
    const [row] = await queryOnce<{ data_directory: string }>(address.href, "show data_directory");
    const source = row!.data_directory;
    const folder = join(dirname(dirname(source)), `${region}-standby`);
    await bed.cluster.faults.kill("postgres", region);
    await runCommand("mkdir", ["-p", folder], { timeoutMs: COPY_TIMEOUT_MS });
    await runCommand("cp", ["-Rp", source, join(folder, "data")], { timeoutMs: COPY_TIMEOUT_MS });
    await bed.cluster.faults.restart("postgres", region);
    const user = serverUser();
    const server = new PostgresServer({
      region: `${region}-standby`,
      programs: await provisionPostgres({ user }),
      folder,
      port: await new PortChooser().choose(),
      password: decodeURIComponent(address.password),
      user,
      logPath: join(bed.folder, `${region}-standby.log`),
      records: new RunRecords(join(bed.folder, "run-standbys")),
    });
    const standby = new Standby(region, address, server);
    standby.#becomeStandby(join(folder, "data"));
    await server.start();
    await standby.#untilStreaming("async");
    return standby;
  }

  #becomeStandby(data: string): void {
    const { hostname, port, username, password } = this.#address;
    const source = `host=${hostname} port=${port} user=${username} password=${password} application_name=standby`;
    rmSync(join(data, "postmaster.pid"), { force: true });
    writeFileSync(join(data, "standby.signal"), "", { mode: 0o644 });
    appendFileSync(join(data, "postgresql.auto.conf"), `primary_conninfo = '${source}'\n`);
  }

  /** From here on a commit is acknowledged once it is on both. */
  async becomeSynchronous(): Promise<void> {
    await queryOnce(this.#address.href, "alter system set synchronous_standby_names = '*'");
    await queryOnce(this.#address.href, "select pg_reload_conf()");
    await this.#untilStreaming("sync");
  }

  /** It has what its primary has committed by now, and lacks what comes after. */
  async fallBehind(): Promise<void> {
    await this.#untilItHasAll();
    await queryOnce(this.#server.url, "alter system set primary_conninfo = ''");
    await queryOnce(this.#server.url, "select pg_reload_conf()");
    await eventually(`${this.#region}'s standby follows no more`, async () => {
      const followers = await queryOnce(this.#address.href, STREAMING);
      return followers.length === 0 ? true : undefined;
    });
  }

  /** The primary's address leads here from now on, as a DNS name does that was moved; the primary must be gone. */
  async takeAddress(): Promise<void> {
    const port = Number(new URL(this.#server.url).port);
    this.#forwarder = createServer((socket) => {
      const onward = connect(port, LOOPBACK);
      for (const end of [socket, onward]) {
        this.#sockets.add(end);
        end.on("error", () => undefined).on("close", () => this.#sockets.delete(end));
      }
      socket.pipe(onward).pipe(socket);
      socket.on("close", () => onward.destroy());
      onward.on("close", () => socket.destroy());
    });
    const listening = this.#forwarder.listen(Number(this.#address.port), LOOPBACK);
    await new Promise((resolve, reject) => listening.once("listening", resolve).once("error", reject));
  }

  async promote(): Promise<void> {
    const [row] = await queryOnce<{ pg_promote: boolean }>(this.#server.url, "select pg_promote(true, 30)");
    if (row?.pg_promote !== true) throw new Error(`${this.#region}'s standby was not promoted in time`);
  }

  async stop(): Promise<void> {
    this.#forwarder?.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#server.stop("immediate");
  }

  async #untilItHasAll(): Promise<void> {
    const [now] = await queryOnce<{ place: string }>(
      this.#address.href,
      "select pg_current_wal_lsn() as place",
    );
    await eventually(`${this.#region}'s standby has all until ${now!.place}`, async () => {
      const replayed = "select pg_last_wal_replay_lsn() >= $1::pg_lsn as has_all";
      const [row] = await queryOnce<{ has_all: boolean }>(this.#server.url, replayed, [now!.place]);
      return row?.has_all === true ? true : undefined;
    });
  }

  async #untilStreaming(wanted: "sync" | "async"): Promise<void> {
    await eventually(`${this.#region}'s standby follows (${wanted})`, async () => {
      const followers = await queryOnce<{ state: string; sync_state: string }>(this.#address.href, STREAMING);
      const isThere = followers.some(
        ({ state, sync_state }) => state === "streaming" && sync_state === wanted,
      );
      return isThere ? true : undefined;
    });
  }
}
