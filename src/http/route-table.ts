/** The routes of the API, as far as a request's path tells which one is meant. */
export interface RouteTable {
  /** The pattern a path belongs to, e.g. `/v1/users/:user`, and the methods it has; null if none. */
  find(pathname: string): { readonly pattern: string; readonly methods: readonly string[] } | null;
}

/** Elysia answers 404 where a path has other methods, and tells no route of a request it refused. */
export function routeTable(
  routes: readonly { readonly method: string; readonly path: string }[],
): RouteTable {
  const patterns = Map.groupBy(routes, ({ path }) => path);
  const table = [...patterns].map(([pattern, members]) => {
    const methods = members.map(({ method }) => method);
    return {
      pattern,
      methods: methods.includes("GET") ? [...methods, "HEAD"] : methods,
      matches: new RegExp(`^${pattern.replace(/:[a-z]+/g, "[^/]+")}$`),
      // `/v1/users/seed` is a route of its own, not a user.
      rank: pattern.split(":").length,
    };
  });
  table.sort((one, other) => one.rank - other.rank);
  return { find: (pathname) => table.find(({ matches }) => matches.test(pathname)) ?? null };
}
