/** The page that people read says what the document says. */
import { beforeAll, describe, expect, it } from "vitest";
import { PROBLEM_CODES } from "../../../services/protocol/http/problems.ts";
import { prose } from "../../../services/gateway/http/reference/html.ts";
import { get } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";

let rig: Rig;
let page: string;

beforeAll(async () => {
  rig = await buildRig();
  page = (await get(rig, "/reference")).body;
});

describe("the reference", () => {
  it("has every operation under an anchor of its own, and every problem", async () => {
    const { paths } = (await get(rig, "/openapi.json")).json() as {
      paths: { [path: string]: { [method: string]: { operationId: string } } };
    };
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(ids.length).toBeGreaterThan(40);
    for (const id of ids) {
      expect(page.split(`<article id="${id}">`), id).toHaveLength(2);
      expect(page, id).toContain(`href="#${id}"`);
    }
    for (const code of PROBLEM_CODES) expect(page).toContain(`<td><code>${code}</code></td>`);
  });

  it("loads nothing, runs nothing, and leads nowhere that is not there", async () => {
    const { headers } = await get(rig, "/reference");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(page).not.toMatch(/<script|<link|<img|\ssrc=|\sstyle=|undefined|\[object/);
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id!);
    for (const target of targets) expect(page, target).toContain(`id="${target}"`);
  });

  it("has lines for a shell, with what a request needs", () => {
    expect(page).toContain(`curl -X PATCH &quot;$FOREBAY/v1/collections/users/records/ada&quot;`);
    expect(page).toContain("-H 'Content-Type: application/x-ndjson'");
    const [, patch] = page.split(`curl -X PATCH &quot;$FOREBAY/v1/collections/users/records/ada&quot;`);
    expect(patch!.slice(0, 100)).toContain("-H &quot;Authorization: Bearer $FOREBAY_KEY&quot;");
    const [, livez] = page.split(`curl &quot;$FOREBAY/livez&quot;`);
    expect(livez!.slice(0, 100)).not.toContain("Authorization");
  });

  it("lets no text become HTML", () => {
    expect(prose('a <b> & `c<d>`\n- x\n- "y"\n\n| h |\n|---|\n| <i> |')).toBe(
      '<p>a &lt;b&gt; &amp; <code>c&lt;d&gt;</code></p>\n<ul><li>x</li><li>&quot;y&quot;</li></ul>\n<div class="wide"><table><thead><tr><th>h</th></tr></thead><tbody><tr><td>&lt;i&gt;</td></tr></tbody></table></div>',
    );
  });
});
