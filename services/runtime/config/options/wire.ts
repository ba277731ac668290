/** How a process reaches its database and its nats-server: as whom, and whom it trusts. */
import { readableFile } from "../file-kinds.ts";
import { defaulted, optional, required } from "../option.ts";
import { integer } from "../plain-kinds.ts";
import { address, addressWith, fetchedAddress } from "../secret-kinds.ts";

const SSL_MODES = ["disable", "require", "verify-ca", "verify-full", "no-verify"];
const CONNECTIONS_MAX = 1_000;

const postgresAddress = addressWith(address(["postgres:", "postgresql:"]), ({ searchParams }) => {
  // What stands there instead may be the rest of the parameters, with a password among them.
  return searchParams.getAll("sslmode").every((mode) => SSL_MODES.includes(mode))
    ? undefined
    : `has another sslmode than there are; it must be one of ${SSL_MODES.join(", ")}`;
});

export const postgresOptions = {
  url: required({
    variable: "FOREBAY_POSTGRES_URL",
    key: "postgres.url",
    kind: postgresAddress,
    summary: "The region's database, with user and password; `sslmode` in it says how far it is verified.",
  }),
  caFile: optional({
    variable: "FOREBAY_POSTGRES_CA_FILE",
    key: "postgres.ca_file",
    since: "0.2.0",
    kind: readableFile,
    summary:
      "The authority (PEM) that signs the database's certificate; without `sslmode` it is verified fully.",
  }),
  connectionsMax: defaulted({
    variable: "FOREBAY_POSTGRES_CONNECTIONS_MAX",
    key: "postgres.connections_max",
    kind: integer({ minimum: 2, maximum: CONNECTIONS_MAX }),
    otherwise: 16,
    summary: "Connections of the process to its database.",
  }),
};

const natsAddress = address(["nats:", "tls:"]);

export const natsOptions = {
  url: required({
    variable: "FOREBAY_NATS_URL",
    key: "nats.url",
    kind: natsAddress,
    summary: "The region's nats-server.",
  }),
  credentialsFile: optional({
    variable: "FOREBAY_NATS_CREDENTIALS_FILE",
    key: "nats.credentials_file",
    since: "0.2.0",
    kind: readableFile,
    summary: "One line, `user:password`, read again at each attempt to connect.",
  }),
  caFile: optional({
    variable: "FOREBAY_NATS_CA_FILE",
    key: "nats.ca_file",
    since: "0.2.0",
    kind: readableFile,
    summary: "The authority (PEM) that signs the nats-server's certificate.",
  }),
  certFile: optional({
    variable: "FOREBAY_NATS_CERT_FILE",
    key: "nats.cert_file",
    since: "0.2.0",
    kind: readableFile,
    summary: "The process's own certificate (PEM), for a nats-server that wants to see one.",
    neededWhere: "FOREBAY_NATS_KEY_FILE is set",
  }),
  keyFile: optional({
    variable: "FOREBAY_NATS_KEY_FILE",
    key: "nats.key_file",
    since: "0.2.0",
    kind: readableFile,
    summary: "The key (PEM) of that certificate.",
    neededWhere: "FOREBAY_NATS_CERT_FILE is set",
  }),
  monitorUrl: optional({
    variable: "FOREBAY_NATS_MONITOR_URL",
    key: "nats.monitor_url",
    kind: fetchedAddress(["http:", "https:"]),
    summary:
      "The nats-server's monitoring port, from which status and alerts know of its streams and routes.",
  }),
  maintenanceUrl: optional({
    variable: "FOREBAY_NATS_TRIM_URL",
    key: "nats.trim_url",
    kind: natsAddress,
    summary:
      "The nats-server as the user who makes, trims and deletes streams; the same server with those credentials is taken where only they are given.",
  }),
  maintenanceCredentialsFile: optional({
    variable: "FOREBAY_NATS_TRIM_CREDENTIALS_FILE",
    key: "nats.trim_credentials_file",
    since: "0.2.0",
    kind: readableFile,
    summary: "That user, like FOREBAY_NATS_CREDENTIALS_FILE.",
  }),
};
