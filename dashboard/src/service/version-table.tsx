// The golden signals of each version in figures.

import type { Signals, Version } from "../../../src/admin/api.ts";
import { bytes, count, milliseconds, percent } from "../format.ts";
import { HEALTH_TEXT, healthOf } from "../health.ts";
import { versionColour } from "../palette.ts";

function SignalCells({ signals }: { signals: Signals }) {
  const health = healthOf(signals);
  return (
    <>
      <td className="number">{count(signals.requestRate)}</td>
      <td className={`number ${health}`}>
        {percent(signals.successRate)}
        <span className="visually-hidden"> {HEALTH_TEXT[health]}</span>
      </td>
      <td className="number">{milliseconds(signals.latencyMs?.p50)}</td>
      <td className="number">{milliseconds(signals.latencyMs?.p95)}</td>
      <td className="number">{milliseconds(signals.latencyMs?.p99)}</td>
      <td className="number">{count(signals.inFlight)}</td>
    </>
  );
}

export function VersionTable({ versions, total }: { versions: readonly Version[]; total: Signals }) {
  return (
    <div className="scroll">
      <table className="versions">
        <caption className="visually-hidden">Golden signals by version</caption>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col" className="number">
              req/s
            </th>
            <th scope="col" className="number">
              Success
            </th>
            <th scope="col" className="number">
              p50
            </th>
            <th scope="col" className="number">
              p95
            </th>
            <th scope="col" className="number">
              p99
            </th>
            <th scope="col" className="number">
              In flight
            </th>
            <th scope="col" className="number">
              Proxy CPU
            </th>
            <th scope="col" className="number">
              Memory
            </th>
          </tr>
        </thead>
        <tbody>
          {versions.map(({ workload, version, signals, saturation }, index) => (
            <tr key={workload}>
              <th scope="row">
                <span className="swatch" style={{ background: versionColour(index) }} aria-hidden="true" />
                {version}
              </th>
              <SignalCells signals={signals} />
              <td className="number">{saturation.proxyCpuCores === null ? "–" : percent(saturation.proxyCpuCores)}</td>
              <td className="number">{bytes(saturation.proxyMemoryBytes)}</td>
            </tr>
          ))}
        </tbody>
        {versions.length > 1 && (
          <tfoot>
            <tr>
              <th scope="row">all</th>
              <SignalCells signals={total} />
              <td />
              <td />
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}
