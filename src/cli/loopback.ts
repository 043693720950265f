// Requests to this machine go straight there: Bun's fetch would send even those to the proxy that the environment names.

const LOOPBACK = ["localhost", "127.0.0.1", "::1"];

/** `no_proxy` of this process, and of those that it starts, with the loopback addresses in it. */
export function keepLoopbackDirect(env: NodeJS.ProcessEnv = process.env): void {
  const direct = withLoopback(env.no_proxy ?? env.NO_PROXY ?? "");
  env.no_proxy = direct;
  env.NO_PROXY = direct;
}

/** The hosts of a `no_proxy` list, and the loopback addresses. */
export function withLoopback(list: string): string {
  const hosts = list.split(",").map((host) => host.trim());
  return [...new Set([...hosts.filter((host) => host !== ""), ...LOOPBACK])].join(",");
}
