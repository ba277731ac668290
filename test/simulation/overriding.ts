/** A port with some of its methods replaced. */

export function overriding<Port extends object>(port: Port, overrides: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, name) {
      const override = (overrides as Record<string | symbol, unknown>)[name];
      if (override !== undefined) return override;
      const member = Reflect.get(target, name) as unknown;
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}
