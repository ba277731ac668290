/** The README's table of the API names every route, and no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { get } from "./requests.ts";
import { buildRig } from "./rig.ts";

const SPAN = /^(?<method>GET|PUT|PATCH|POST|DELETE|WS)?(?: ?(?<path>(?:…)?\/[^\s?]*)\S*)?$/;

/** As `get /v1/leases/{}`; `get …/history` stands for a route that ends so. Methods before one with a path are of that path. */
function namedRoutes(): string[] {
  const text = readFileSync(join(packageRoot(), "README.md"), "utf8");
  const section = text.slice(text.indexOf("## The API in one table"), text.indexOf("## From an app"));
  return section.split("\n").flatMap((line) => {
    let methods: string[] = [];
    let hasPath = false;
    return [...line.matchAll(/`([^`]+)`/g)].flatMap(([, span]) => {
      const { method, path } = SPAN.exec(span!)?.groups ?? {};
      if (method !== undefined) {
        methods = hasPath ? [method] : [...methods, method];
        hasPath = false;
      }
      if (path === undefined) return [];
      hasPath = true;
      const named = path.replaceAll(/\{\w+\}/g, "{}");
      return methods.map((one) => `${one === "WS" ? "get" : one.toLowerCase()} ${named}`);
    });
  });
}

async function documentedRoutes(): Promise<string[]> {
  const nothing = async () => ({ status: 200, text: "{}" });
  const rig = await buildRig({ chaos: { faults: nothing, perform: nothing } });
  const { paths } = (await get(rig, "/openapi.json")).json<{ paths: Record<string, object> }>();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`),
  );
}

function names(named: string, route: string): boolean {
  const [method, end] = named.split(" …") as [string, string?];
  return end === undefined ? named === route : route.startsWith(`${method} `) && route.endsWith(end);
}

describe("the README", () => {
  it("names every route of the API, and no other", async () => {
    const [named, routes] = [namedRoutes(), await documentedRoutes()];
    expect(routes.length).toBeGreaterThan(50);
    expect(routes.filter((route) => !named.some((one) => names(one, route)))).toEqual([]);
    expect(named.filter((one) => !routes.some((route) => names(one, route)))).toEqual([]);
  });
});
