// The graph as a table: the same edges for those who read rather than look.

import type { Topology } from "../../../src/admin/api.ts";
import { count, milliseconds, percent } from "../format.ts";
import { HEALTH_TEXT, healthOf } from "../health.ts";

export function EdgeTable({ topology }: { topology: Topology }) {
  const names = new Map(topology.nodes.map(({ id, name }) => [id, name]));
  return (
    <div className="scroll">
      <table>
        <caption className="visually-hidden">Who calls whom</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Protocol</th>
            <th scope="col" className="number">
              Traffic
            </th>
            <th scope="col" className="number">
              Success
            </th>
            <th scope="col" className="number">
              p99
            </th>
            <th scope="col">Mutual TLS</th>
          </tr>
        </thead>
        <tbody>
          {topology.edges.map((edge) => {
            const health = healthOf(edge.signals);
            return (
              <tr key={edge.id}>
                <th scope="row">{names.get(edge.from)}</th>
                <td>{names.get(edge.to)}</td>
                <td>{edge.protocol}</td>
                <td className="number">
                  {edge.protocol === "tcp"
                    ? `${count(edge.signals.connectionRate)} conn/s`
                    : `${count(edge.signals.requestRate)} req/s`}
                </td>
                <td className={`number ${health}`}>
                  {percent(edge.signals.successRate)}
                  <span className="visually-hidden"> {HEALTH_TEXT[health]}</span>
                </td>
                <td className="number">{milliseconds(edge.signals.latencyMs?.p99)}</td>
                <td>{edge.mtlsShare === null ? "not reported" : percent(edge.mtlsShare)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
