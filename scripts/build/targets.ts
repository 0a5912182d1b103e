import { join } from "node:path";

/** A machine that an executable is built for. */
export interface Target {
  /** System, processor and, where it is not the usual one, C library: as in the file's name. */
  readonly name: string;
  /** As Bun's package of its runtime names it, behind `@oven/bun-`. */
  readonly bun: string;
  /** As Go names it. */
  readonly os: "linux" | "darwin" | "windows";
  readonly arch: "amd64" | "arm64";
}

/** Every target of a release. */
export const TARGETS: readonly Target[] = [
  { name: "linux-x64", bun: "linux-x64", os: "linux", arch: "amd64" },
  { name: "linux-arm64", bun: "linux-aarch64", os: "linux", arch: "arm64" },
  { name: "linux-x64-musl", bun: "linux-x64-musl", os: "linux", arch: "amd64" },
  { name: "linux-arm64-musl", bun: "linux-aarch64-musl", os: "linux", arch: "arm64" },
  { name: "macos-arm64", bun: "darwin-aarch64", os: "darwin", arch: "arm64" },
  { name: "macos-x64", bun: "darwin-x64", os: "darwin", arch: "amd64" },
  { name: "windows-x64", bun: "windows-x64", os: "windows", arch: "amd64" },
];

/** Where a package of Bun's has the runtime. */
export function runtimeIn(packageFolder: string, target: Target): string {
  return join(packageFolder, "bin", target.os === "windows" ? "bun.exe" : "bun");
}
