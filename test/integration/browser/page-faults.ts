/** What a screen reader, or a keyboard, would stumble over: basics, looked for in the page itself. */

/** Runs in the page, so it knows nothing but what is in it. @returns what is wrong, with the element. */
export function faultsOf(): string[] {
  const shown = (element: Element) => element.getClientRects().length > 0;
  const all = (selector: string) => [...document.querySelectorAll(selector)].filter(shown);
  const tell = (what: string) => (element: Element) => `${what}: ${element.outerHTML.slice(0, 120)}`;
  const labelOf = (element: Element): string => {
    const { labels } = element as HTMLInputElement;
    const by = element.getAttribute("aria-labelledby");
    const named = by === null ? undefined : document.querySelector(`#${CSS.escape(by)}`)?.textContent;
    const texts = [
      element.getAttribute("aria-label"),
      named,
      ...[...(labels ?? [])].map((label) => label.textContent),
    ];
    const own = /^(INPUT|SELECT)$/.test(element.tagName) ? "" : element.textContent;
    return [...texts, own].join("").trim();
  };
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  const repeated = [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
  const landmarks = ["header", "nav[aria-label]", "main"].filter((name) => all(name).length !== 1);
  return [
    ...all("button, a[href], input, select, [role=button]")
      .filter((element) => labelOf(element) === "")
      .map(tell("no name")),
    ...all("img:not([alt])").map(tell("img without a name")),
    ...all("svg[role=img]:not([aria-label])").map(tell("svg without a name")),
    ...all("table")
      .filter((table) => !table.querySelector("caption")?.textContent)
      .map(tell("table without a caption")),
    ...all("section")
      .filter((section) => labelOf(section) === "")
      .map(tell("section without a name")),
    ...all("[tabindex]")
      .filter((element) => Number(element.getAttribute("tabindex")) > 0)
      .map(tell("tab order by force")),
    ...(all("h1").length === 1 ? [] : ["not one h1"]),
    ...repeated.map((id) => `repeated id: ${id}`),
    ...landmarks.map((name) => `not one landmark: ${name}`),
    ...(document.documentElement.lang === "" ? ["no language"] : []),
    ...(document.title === "" ? ["no title"] : []),
  ];
}
