// The names of the mesh as a resolver asks for them: whole ones, the short forms that Kubernetes' search path gives, wildcards.

import { parseAddress } from "../../base/cidr.ts";
import type { NameTable, NameTable_NameInfo } from "../../xds/gen/istio/networking/nds/v1/nds_pb.ts";

/** The registry whose names have short forms. */
const CLUSTER_REGISTRY = "Kubernetes";

export interface MeshHost {
  /** In small letters, without a last dot. */
  readonly name: string;
  /** Bytes, 4 or 16 each. */
  readonly addresses: readonly Uint8Array[];
  /** A name of the cluster's own domain; others may have records outside of the mesh, too. */
  readonly inCluster: boolean;
}

export type Found =
  /** `canonical`: the host that the name stands for, where a search domain was appended to it. */
  | { readonly kind: "host"; readonly host: MeshHost; readonly canonical: string | undefined }
  /** Nobody but the mesh could know it, and it does not. */
  | { readonly kind: "unknown" }
  | { readonly kind: "foreign" };

function formsOf(
  host: string,
  { registry, shortname, namespace: of, altHosts }: NameTable_NameInfo,
  namespace: string,
) {
  const short = registry === CLUSTER_REGISTRY && shortname !== "" && of !== "";
  const forms = short ? [...(of === namespace ? [shortname] : []), `${shortname}.${of}`, `${shortname}.${of}.svc`] : [];
  return [host, ...forms, ...altHosts].map((name) => name.toLowerCase().replace(/\.$/, ""));
}

function clusterSuffix(host: string, { registry, shortname, namespace }: NameTable_NameInfo): string | undefined {
  const prefix = `${shortname}.${namespace}.`;
  return registry === CLUSTER_REGISTRY && host.startsWith(prefix) ? host.slice(prefix.length).toLowerCase() : undefined;
}

/** Kubernetes' search path of a namespace; `suffix` is `svc.cluster.local`. */
export function searchDomains(namespace: string, suffix: string): readonly string[] {
  return [`${namespace}.${suffix}`, suffix, suffix.replace(/^svc\./, "")];
}

export class MeshNames {
  readonly #hosts = new Map<string, MeshHost>();
  readonly #suffixes = new Set<string>();
  readonly #searches = new Set<string>();
  readonly #ownsCluster: boolean;

  /**
   * `namespace` is the one that asks. `ownsCluster`: nobody else answers for the cluster's domain. `fixed`: hosts that are the
   * agent's to tell.
   */
  constructor(table: NameTable, namespace: string, ownsCluster: boolean, fixed: readonly MeshHost[] = []) {
    this.#ownsCluster = ownsCluster;
    for (const host of fixed) this.#hosts.set(host.name, host);
    // Sorted, and the first has a name that two claim: an order that the table's does not change.
    for (const [host, info] of Object.entries(table.table).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const addresses = info.ips.flatMap((ip) => parseAddress(ip) ?? []);
      const suffix = clusterSuffix(host, info);
      if (suffix !== undefined) this.#suffixes.add(suffix);
      if (addresses.length === 0) continue;
      for (const name of formsOf(host, info, namespace))
        if (!this.#hosts.has(name)) this.#hosts.set(name, { name, addresses, inCluster: suffix !== undefined });
    }
    for (const suffix of this.#suffixes)
      for (const domain of searchDomains(namespace, suffix)) this.#searches.add(domain);
  }

  /** `name` in small letters, without a last dot. */
  find(name: string): Found {
    const host = this.#hosts.get(name) ?? this.#wildcard(name);
    if (host) return { kind: "host", host, canonical: undefined };
    return this.#searched(name) ?? { kind: this.#ownsCluster && this.#isOfCluster(name) ? "unknown" : "foreign" };
  }

  /** The nearest one. */
  #wildcard(name: string): MeshHost | undefined {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const host = this.#hosts.get(`*${name.slice(dot)}`);
      if (host) return host;
    }
    return undefined;
  }

  /**
   * A resolver with Kubernetes' `ndots:5` tries `api.example.com.default.svc.cluster.local` before `api.example.com`. Only for the
   * cluster's own domains: what has another domain appended may be a host there.
   */
  #searched(name: string): Found | undefined {
    for (const domain of this.#searches) {
      if (!name.endsWith(`.${domain}`)) continue;
      const canonical = name.slice(0, -domain.length - 1);
      const host = this.#hosts.get(canonical) ?? this.#wildcard(canonical);
      if (host) return { kind: "host", host, canonical };
    }
    return undefined;
  }

  #isOfCluster(name: string): boolean {
    for (const suffix of this.#suffixes) if (name === suffix || name.endsWith(`.${suffix}`)) return true;
    return false;
  }
}
