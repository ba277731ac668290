/** Which methods a path has, to tell "no such resource" from "not with this method". */

export class KnownRoutes {
  readonly #routes: { readonly pattern: RegExp; readonly methods: Set<string>; readonly url: string }[] = [];

  add(route: { url: string; method: string | readonly string[] }): void {
    const { url, method } = route;
    const methods = typeof method === "string" ? [method] : method;
    const known = this.#routes.find((other) => other.url === url);
    if (known !== undefined) {
      for (const name of methods) known.methods.add(name);
      return;
    }
    const pattern = new RegExp(`^${url.replace(/[.]/g, "\\.").replace(/:\w+/g, "[^/]+")}$`);
    this.#routes.push({ url, pattern, methods: new Set(methods) });
  }

  /** Empty when there is nothing at the path. */
  methodsAt(path: string): readonly string[] {
    const route = this.#routes.find(({ pattern }) => pattern.test(path));
    return route === undefined ? [] : [...route.methods].sort();
  }
}
