// Who is up: every proxy with its configuration, certificate and use; those with a problem first.

import type { ProxyConfig, ProxyStatus } from "../../../src/admin/api.ts";
import { bytes, duration, percent } from "../format.ts";

const CONFIG_TEXT: Readonly<Record<ProxyConfig["state"], string>> = {
  synced: "in sync",
  pending: "pending",
  rejected: "rejected",
  disconnected: "disconnected",
};

const CONFIG_TONE: Readonly<Record<ProxyConfig["state"], string>> = {
  synced: "ok",
  pending: "warn",
  rejected: "bad",
  disconnected: "bad",
};

/** Worst first, then by name. */
const CONFIG_ORDER: readonly ProxyConfig["state"][] = ["disconnected", "rejected", "pending", "synced"];

function ConfigCell({ config, now }: { config: ProxyConfig; now: number }) {
  return (
    <>
      <span className={`tag ${CONFIG_TONE[config.state]}`}>{CONFIG_TEXT[config.state]}</span>
      {config.state !== "synced" && <span className="muted"> for {duration(now - config.since)}</span>}
      {config.state === "rejected" && (
        <div className="reason">
          {config.type}: {config.message}
        </div>
      )}
    </>
  );
}

function CertificateCell({ certificate, now }: { certificate: ProxyStatus["certificate"]; now: number }) {
  if (!certificate) return <span className="tag warn">none</span>;
  const left = certificate.expiresAt - now;
  return (
    <span title={certificate.spiffeId}>
      {left <= 0 ? <span className="tag bad">expired</span> : duration(left)}
      <span className="visually-hidden"> for {certificate.spiffeId}</span>
    </span>
  );
}

function MetricsCell({ metrics, now }: { metrics: ProxyStatus["metrics"]; now: number }) {
  if (metrics.health === "up") return <span className="tag ok">up</span>;
  if (metrics.health === "new") return <span className="tag">waiting</span>;
  return (
    <>
      <span className="tag bad">down</span>
      <div className="reason">
        {metrics.error}
        {metrics.lastSuccess === null ? "" : `, last read ${duration(now - metrics.lastSuccess)} ago`}
      </div>
    </>
  );
}

function sorted(proxies: readonly ProxyStatus[]): ProxyStatus[] {
  return proxies.toSorted(
    (a, b) => CONFIG_ORDER.indexOf(a.config.state) - CONFIG_ORDER.indexOf(b.config.state) || (a.id < b.id ? -1 : 1),
  );
}

export function ProxyTable({ proxies, now }: { proxies: readonly ProxyStatus[]; now: number }) {
  return (
    <section className="card proxies" aria-labelledby="proxies-title">
      <h2 id="proxies-title">Proxies</h2>
      {proxies.length === 0 ? (
        <p className="empty muted">No proxy has registered.</p>
      ) : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Workload</th>
                <th scope="col">Proxy</th>
                <th scope="col">Configuration</th>
                <th scope="col">Certificate</th>
                <th scope="col">Metrics</th>
                <th scope="col" className="number">
                  CPU
                </th>
                <th scope="col" className="number">
                  Memory
                </th>
              </tr>
            </thead>
            <tbody>
              {sorted(proxies).map((proxy) => (
                <tr key={proxy.id}>
                  <th scope="row">
                    {proxy.app} {proxy.version === "latest" ? "" : proxy.version}{" "}
                    <span className="muted">{proxy.namespace}</span>
                    <div className="sub">
                      {proxy.name} · {proxy.address}
                    </div>
                  </th>
                  <td>
                    {proxy.kind === "envoy" ? "Envoy" : "Heddle"} <span className="muted">{proxy.proxyVersion}</span>
                  </td>
                  <td>
                    <ConfigCell config={proxy.config} now={now} />
                  </td>
                  <td>
                    <CertificateCell certificate={proxy.certificate} now={now} />
                  </td>
                  <td>
                    <MetricsCell metrics={proxy.metrics} now={now} />
                  </td>
                  <td className="number">
                    {proxy.saturation.proxyCpuCores === null ? "–" : percent(proxy.saturation.proxyCpuCores)}
                  </td>
                  <td className="number">{bytes(proxy.saturation.proxyMemoryBytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
