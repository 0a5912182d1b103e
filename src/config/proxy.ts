/**
 * Makes this process reach every host itself, whatever proxy the environment names: what goes to this
 * machine in the clear is for no other one. Bun's fetch reads these variables at each request.
 */
export function bypassProxies(): void {
  process.env.NO_PROXY = "*";
  process.env.no_proxy = "*";
}
