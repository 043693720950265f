// Who is up: every proxy with its configuration, certificate and use; those with a problem first.

import { Fragment } from "react";
import type { ProxyConfig, ProxyStatus } from "../../../src/admin/api.ts";
import { bytes, duration, percent } from "../format.ts";

const COLUMNS = 7;

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

function MetricsCell({ health }: ProxyStatus["metrics"]) {
  if (health === "up") return <span className="tag ok">up</span>;
  return health === "new" ? <span className="tag">waiting</span> : <span className="tag bad">down</span>;
}

/** What went wrong, in the words of who refused or did not answer. They are long: they have the table's whole width. */
function reasonsOf({ config, metrics }: ProxyStatus, now: number): string[] {
  const refused = config.state === "rejected" ? [`${config.type}: ${config.message}`] : [];
  if (metrics.health !== "down") return refused;
  const ago = metrics.lastSuccess === null ? "" : `, last read ${duration(now - metrics.lastSuccess)} ago`;
  return [...refused, `metrics: ${metrics.error}${ago}`];
}

function Reasons({ reasons }: { reasons: readonly string[] }) {
  if (reasons.length === 0) return null;
  return (
    <tr className="reasons">
      <td colSpan={COLUMNS}>
        {reasons.map((reason) => (
          <div className="reason" key={reason}>
            {reason}
          </div>
        ))}
      </td>
    </tr>
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
                <Fragment key={proxy.id}>
                  <tr>
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
                    <td className="configuration">
                      <ConfigCell config={proxy.config} now={now} />
                    </td>
                    <td>
                      <CertificateCell certificate={proxy.certificate} now={now} />
                    </td>
                    <td>
                      <MetricsCell {...proxy.metrics} />
                    </td>
                    <td className="number">
                      {proxy.saturation.proxyCpuCores === null ? "–" : percent(proxy.saturation.proxyCpuCores)}
                    </td>
                    <td className="number">{bytes(proxy.saturation.proxyMemoryBytes)}</td>
                  </tr>
                  <Reasons reasons={reasonsOf(proxy, now)} />
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
