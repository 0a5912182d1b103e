/** A path of the API, e.g. `/v1/users/:user`, and what is declared for it. */
export interface Route<Declared> {
  readonly pattern: string;
  /** The methods that it answers, HEAD too where there is GET. */
  readonly methods: readonly string[];
  readonly declared: ReadonlyMap<string, Declared>;
  /** What a path says in the places with names. */
  readonly params: Readonly<Record<string, string>>;
}

/** The routes of the API, as far as a request's path tells which one is meant. */
export interface RouteTable<Declared> {
  /** The route that a path belongs to; null if none. */
  find(pathname: string): Route<Declared> | null;
}

/** Finds routes by their path: each HTTP method is the route's own matter. */
export function routeTable<Declared extends { readonly method: string; readonly path: string }>(
  routes: readonly Declared[],
): RouteTable<Declared> {
  const entries = [...Map.groupBy(routes, ({ path }) => path)].map(([path, declared]) =>
    entryOf(path, declared),
  );
  const whole = new Map(entries.map((entry) => [entry.pattern, entry]));
  // `/v1/users/seed` is a route of its own, not a user: whole paths are looked for first.
  const named = Map.groupBy(
    entries.filter(({ names }) => names.length > 0),
    ({ pattern }) => segmentsOf(pattern),
  );
  return {
    find(pathname) {
      const same = whole.get(pathname);
      if (same?.names.length === 0) return { ...same, params: {} };
      for (const entry of named.get(segmentsOf(pathname)) ?? []) {
        const match = entry.matches.exec(pathname);
        if (match) return { ...entry, params: paramsOf(entry.names, match) };
      }
      return null;
    },
  };
}

function entryOf<Declared extends { readonly method: string }>(
  pattern: string,
  declared: readonly Declared[],
) {
  const methods = declared.map(({ method }) => method);
  return {
    pattern,
    methods: methods.includes("GET") ? [...methods, "HEAD"] : methods,
    declared: new Map(declared.map((one) => [one.method, one])),
    names: [...pattern.matchAll(/:([a-z]+)/g)].map(([, name = ""]) => name),
    matches: new RegExp(`^${pattern.replace(/:[a-z]+/g, "([^/]+)")}$`),
  };
}

function segmentsOf(path: string): number {
  return path.split("/").length;
}

function paramsOf(
  names: readonly string[],
  [, ...values]: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name, at) => [name, decoded(values[at] ?? "")]));
}

/** What is not encoded as it should be stays as it is: it names nothing of ours either way. */
function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
