// Who proved to be whom, edges with plaintext first, then the busiest: what stands under the graph until something is chosen.

import type { Topology, TopologyEdge } from "../../../src/admin/api.ts";
import { percent } from "../format.ts";

const EDGES = 5;

/** `default/client` of `spiffe://cluster.local/ns/default/sa/client`; the trust domain stands in the header. */
function shortId(id: string): string {
  const [, namespace, account] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(id) ?? [];
  return namespace === undefined ? id : `${namespace}/${account}`;
}

/** Share of what was not mutual TLS, by a server's word. */
function gap({ mtlsShare }: TopologyEdge): number {
  return mtlsShare === null ? 0 : 1 - mtlsShare;
}

export function IdentityList({ topology }: { topology: Topology }) {
  const names = new Map(topology.nodes.map(({ id, kind, name }) => [id, kind === "unknown" ? "no proxy" : name]));
  const shown = topology.edges
    .toSorted((a, b) => gap(b) - gap(a) || b.signals.requestRate - a.signals.requestRate)
    .slice(0, EDGES);
  return (
    <div className="details">
      <ul className="identities">
        {shown.map((edge) => {
          const [identity] = edge.identities;
          const proven = edge.mtlsShare !== null && edge.mtlsShare > 0;
          return (
            <li key={edge.id}>
              <span className={edge.mtlsShare === 1 ? "tag ok" : "tag warn"}>
                {edge.mtlsShare === null
                  ? "not reported"
                  : edge.mtlsShare === 0
                    ? "plaintext"
                    : `mutual TLS ${percent(edge.mtlsShare)}`}
              </span>{" "}
              <strong>
                {names.get(edge.from)} → {names.get(edge.to)}
              </strong>{" "}
              {proven && identity && (
                <code title={`${identity.source} → ${identity.destination}`}>
                  {shortId(identity.source)} → {shortId(identity.destination)}
                </code>
              )}
            </li>
          );
        })}
      </ul>
      <p className="hint muted">Select a workload or an edge for its outcomes, latency and full identities.</p>
    </div>
  );
}
