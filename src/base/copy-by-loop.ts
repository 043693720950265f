// How glibc copies, in the processes that copy a lot. It reads this when a process starts, so it stands in the environment of whoever is started.

/**
 * glibc copies more than 2 KB with `rep movsb`, which AMD's processors do at a fraction of the speed of a loop when source and target lie
 * alike in their pages, as TLS records and their plain text do: SSL_read's copy alone took 28 % of a sidecar's CPU, and the reading side of
 * a MiB over TLS 970 µs against 580 (Zen; Intel does both alike). No copy is as long as this threshold.
 */
export const COPY_BY_LOOP = { GLIBC_TUNABLES: "glibc.cpu.x86_rep_movsb_threshold=1073741824" } as const;
