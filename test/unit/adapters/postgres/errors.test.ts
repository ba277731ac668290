/** What a failed statement has left behind, by the state that the server gives or by what the driver says. */
import pg from "pg";
import { describe, expect, it } from "vitest";
import { toStoreError, type Phase } from "../../../../services/adapters/postgres/errors.ts";
import { StoreUnavailableError } from "../../../../services/ports/region-store.ts";

const NONE = { name: "StoreUnavailableError", outcome: "none" };
const UNKNOWN = { name: "StoreUnavailableError", outcome: "unknown" };

function serverError(code: string, severity = "ERROR"): Error {
  return Object.assign(new pg.DatabaseError(`state ${code}`, 0, "error"), { code, severity });
}

function socketError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

describe("a write", () => {
  it.each([
    ["53100", "the disk is full"],
    ["53200", "out of memory"],
    ["55P03", "a lock was not available"],
    ["57014", "the statement's deadline has passed"],
    ["40001", "it could not be serialized"],
    ["40P01", "a deadlock"],
    ["25006", "the server is read-only, or a standby"],
    ["0A000", "a plan was made before a migration"],
    ["26000", "the statement was prepared in a session of before"],
    ["58030", "the server's disk failed"],
    ["XX001", "a page is corrupted"],
  ])("that ends with ERROR %s is without effect: %s", (code) => {
    expect(toStoreError(serverError(code), "writing")).toMatchObject(NONE);
  });

  it.each([
    ["57P01", "FATAL", "the server shuts down, or an administrator ends the session"],
    ["57P02", "FATAL", "another session has crashed"],
    ["57P03", "FATAL", "the server starts or recovers"],
    ["57P05", "FATAL", "the session was idle for too long"],
    ["XX000", "PANIC", "the server ends itself"],
    ["08006", "ERROR", "a proxy has lost the server"],
    ["08007", "ERROR", "the server does not know"],
    ["08P01", "ERROR", "a proxy has misunderstood"],
    ["40003", "ERROR", "the server does not know"],
  ])("that ends with %s (%s) is unknown: %s", (code, severity) => {
    expect(toStoreError(serverError(code, severity), "writing")).toMatchObject(UNKNOWN);
  });

  it.each([
    new Error("Query read timeout"),
    new Error("Connection terminated unexpectedly"),
    socketError("ECONNRESET"),
    socketError("EPIPE"),
    socketError("ETIMEDOUT"),
  ])("that gets no answer is unknown: %s", (error) => {
    expect(toStoreError(error, "writing")).toMatchObject(UNKNOWN);
  });

  it.each([
    "Client has encountered a connection error and is not queryable",
    "Client was closed and is not queryable",
  ])("that was never sent is without effect: %s", (message) => {
    expect(toStoreError(new Error(message), "writing")).toMatchObject(NONE);
  });
});

it.each(["57P01", "57P03", "08006", "25006", "40003"])(
  "a read that ends with %s is without effect",
  (code) => {
    expect(toStoreError(serverError(code, "FATAL"), "reading")).toMatchObject(NONE);
  },
);

it.each([
  serverError("57P03", "FATAL"),
  serverError("53300", "FATAL"),
  serverError("28P01", "FATAL"),
  serverError("3D000", "FATAL"),
  serverError("42704", "FATAL"),
  socketError("ECONNREFUSED"),
  socketError("ENOTFOUND"),
  new AggregateError([socketError("ECONNREFUSED")], ""),
  new Error("timeout exceeded when trying to connect"),
  new Error("Connection terminated due to connection timeout"),
])("a connection that is not had leaves nothing behind: %s", (error) => {
  expect(toStoreError(error, "connecting")).toMatchObject(NONE);
});

describe("a bug", () => {
  it.each(["22P02", "23505", "25P02", "42P01", "42501", "P0001"])(
    "of ours is never taken for a failure of the database: %s",
    (code) => {
      for (const phase of ["reading", "writing"] satisfies Phase[]) {
        const error = serverError(code);
        expect(toStoreError(error, phase)).toBe(error);
      }
    },
  );

  it("thrown by code around the statement stays what it is", () => {
    for (const error of [new TypeError("no"), new RangeError("no")]) {
      expect(toStoreError(error, "writing")).toBe(error);
    }
    expect(toStoreError("text", "reading")).toBe("text");
  });

  it("is not made of a failure that is told twice", () => {
    const error = new StoreUnavailableError("away", { outcome: "none" });
    expect(toStoreError(error, "writing")).toBe(error);
  });
});
