// Ports that are free: the usual one when it is, else any.

/** The preferred port when nothing listens there, else one that the system gives. It is free at the time of asking; whoever binds it may still lose a race. */
export function choosePort(preferred: number, host = "127.0.0.1"): number {
  return probe(preferred, host) ?? probe(0, host) ?? preferred;
}

function probe(port: number, host: string): number | undefined {
  try {
    const server = Bun.listen({ hostname: host, port, socket: { data() {} } });
    const bound = server.port;
    server.stop(true);
    return bound;
  } catch {
    return undefined; // taken, or not ours to take
  }
}
