// envoy.admin.v3.Clusters of several processes that have the same clusters: what their hosts count is added up.

interface SimpleMetric {
  readonly type?: string;
  readonly name: string;
  /** Protobuf's JSON leaves out 0. */
  readonly value?: string;
}

interface HostStatus {
  readonly address: unknown;
  readonly stats: readonly SimpleMetric[];
}

interface ClusterStatus {
  readonly name: string;
  readonly host_statuses: readonly HostStatus[];
}

export interface Clusters {
  readonly cluster_statuses?: readonly ClusterStatus[];
}

function keyOf(cluster: string, { address }: HostStatus, metric: string): string {
  return JSON.stringify([cluster, address, metric]);
}

/** In the order of the first. A host that only others have yet is left for the next look. */
export function sumHostStatuses([first = {}, ...others]: readonly Clusters[]): Clusters {
  const sums = new Map<string, number>();
  for (const { cluster_statuses = [] } of others)
    for (const { name: cluster, host_statuses } of cluster_statuses)
      for (const host of host_statuses)
        for (const { name, value = "0" } of host.stats) {
          const key = keyOf(cluster, host, name);
          sums.set(key, (sums.get(key) ?? 0) + Number(value));
        }
  const { cluster_statuses } = first;
  if (!cluster_statuses) return first;
  const added = (cluster: string, host: HostStatus): HostStatus => ({
    ...host,
    stats: host.stats.map((metric) => {
      const value = Number(metric.value ?? 0) + (sums.get(keyOf(cluster, host, metric.name)) ?? 0);
      return value === 0 ? metric : { ...metric, value: String(value) };
    }),
  });
  return {
    ...first,
    cluster_statuses: cluster_statuses.map((cluster) => ({
      ...cluster,
      host_statuses: cluster.host_statuses.map((host) => added(cluster.name, host)),
    })),
  };
}
