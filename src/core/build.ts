/** What an executable was built from. */
export interface Build {
  /** The commit, marked when the tree held more than it. */
  readonly commit: string;
  /** System, processor and C library: "linux-x64", "linux-arm64-musl". */
  readonly target: string;
  /** The nats-server inside. */
  readonly natsServer: { readonly version: string; readonly sha256: string };
}

/** Put in by the build (scripts/build), and nowhere else. */
declare const UNIBUS_BUILD: Build;

/** The build that this is, or null for the sources of a checkout. */
export const BUILD: Build | null = typeof UNIBUS_BUILD === "undefined" ? null : UNIBUS_BUILD;
