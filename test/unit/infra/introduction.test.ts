import { expect, test } from "vitest";
import { readIntroduction } from "../../../infra/local/introduction.ts";

const CONNECT = 'CONNECT {"name":"ID-OF-EU"}\r\n';
const INFO = 'INFO {"server_id":"ID-OF-EU","server_name":"eu"} \r\n';
const NOTHING = { serverId: undefined, serverName: undefined };

test("a server is known by its id first and by its name once it has sent its INFO", () => {
  expect(readIntroduction(Buffer.from(CONNECT))).toEqual({ serverId: "ID-OF-EU", serverName: undefined });
  expect(readIntroduction(Buffer.from(CONNECT + INFO))).toEqual({ serverId: "ID-OF-EU", serverName: "eu" });
});

test("half a line says nothing yet, a line that can't be read says nothing at all", () => {
  expect(readIntroduction(Buffer.from(CONNECT.slice(0, 20)))).toEqual(NOTHING);
  expect(readIntroduction(Buffer.from("CONNECT {broken}\r\n"))).toEqual(NOTHING);
  expect(readIntroduction(Buffer.from("GET / HTTP/1.1\r\n"))).toEqual(NOTHING);
});

test("what follows the introduction is not looked at", () => {
  const received = Buffer.from(`${CONNECT}${INFO}\u0000\u0001PING\r\nINFO {"server_name":"us"}\r\n`);
  expect(readIntroduction(received)).toEqual({ serverId: "ID-OF-EU", serverName: "eu" });
});
