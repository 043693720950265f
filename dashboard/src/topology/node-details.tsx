// Everything about one workload of the graph.

import type { Service, TopologyNode } from "../../../src/admin/api.ts";
import { bytes, count, milliseconds, percent } from "../format.ts";

export interface NodeDetailsProps {
  readonly node: TopologyNode;
  /** Services that the workload answers for. */
  readonly services: readonly Service[];
  readonly onService: (host: string) => void;
}

export function NodeDetails({ node, services, onService }: NodeDetailsProps) {
  const { signals } = node;
  return (
    <div className="details">
      <h3>
        {node.kind === "unknown" ? "Callers without a proxy" : node.name}{" "}
        <span className="muted">
          {[node.namespace, node.version].filter((part) => part !== "" && part !== "unknown").join(" · ")}
        </span>
      </h3>
      {node.kind === "unknown" && (
        <p className="muted">
          Their requests arrive in plaintext, with no identity. STRICT mutual TLS would refuse them.
        </p>
      )}
      {node.kind === "service" && (
        <p className="muted">Requests to this service reached no workload: see the edge for the reason.</p>
      )}
      {signals && (
        <dl className="facts">
          <div>
            <dt>Traffic</dt>
            <dd>{count(signals.requestRate)} req/s</dd>
          </div>
          <div>
            <dt>Success</dt>
            <dd>{percent(signals.successRate)}</dd>
          </div>
          <div>
            <dt>4xx</dt>
            <dd>{count(signals.clientErrorRate)}/s</dd>
          </div>
          <div>
            <dt>p50</dt>
            <dd>{milliseconds(signals.latencyMs?.p50)}</dd>
          </div>
          <div>
            <dt>p99</dt>
            <dd>{milliseconds(signals.latencyMs?.p99)}</dd>
          </div>
          <div>
            <dt>In flight</dt>
            <dd>{count(signals.inFlight)}</dd>
          </div>
          <div>
            <dt>Received</dt>
            <dd>{bytes(signals.requestBytesRate + signals.receivedBytesRate)}/s</dd>
          </div>
        </dl>
      )}
      {services.map(({ host }) => (
        <button key={host} type="button" className="link" onClick={() => onService(host)}>
          Golden signals of {host}
        </button>
      ))}
    </div>
  );
}
