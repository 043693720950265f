// Everything about one edge: latency, how its requests ended, and who proved to be who.

import type { Outcome, TopologyEdge } from "../../../src/admin/api.ts";
import { bytes, count, milliseconds, percent } from "../format.ts";

/** Envoy's short response flags in words. */
const FLAGS: Readonly<Record<string, string>> = {
  UH: "no healthy endpoint",
  UF: "connection to the endpoint failed",
  UO: "circuit breaker open",
  NR: "no route",
  NC: "no such cluster",
  URX: "retries exhausted",
  UC: "endpoint closed the connection",
  UT: "timed out",
  LR: "reset here",
  UR: "reset by the endpoint",
  DC: "client went away",
  DI: "delay injected",
  FI: "fault injected",
  RL: "rate limited",
  UAEX: "denied by authorization",
  DPE: "malformed request",
  UPE: "malformed response",
  DT: "lived too long",
  SI: "idle too long",
  IH: "bad header",
  OM: "overload",
};

function outcomeText({ code, grpcStatus, flags }: Outcome): string {
  const status = code === 0 ? "no response" : String(code);
  return grpcStatus === "" ? status : `${status}, gRPC ${grpcStatus}${flags === "-" ? "" : ","}`;
}

function flagText(flags: string): string {
  if (flags === "-") return "";
  return flags
    .split(",")
    .map((flag) => `${flag}: ${FLAGS[flag] ?? "see Envoy's response flags"}`)
    .join("; ");
}

export function EdgeDetails({ edge, from, to }: { edge: TopologyEdge; from: string; to: string }) {
  const { signals, identities, outcomes } = edge;
  return (
    <div className="details">
      <h3>
        {from} <span aria-hidden="true">→</span>
        <span className="visually-hidden"> to </span> {to} <span className="muted">{edge.service}</span>
      </h3>
      <dl className="facts">
        <div>
          <dt>p50</dt>
          <dd>{milliseconds(signals.latencyMs?.p50)}</dd>
        </div>
        <div>
          <dt>p95</dt>
          <dd>{milliseconds(signals.latencyMs?.p95)}</dd>
        </div>
        <div>
          <dt>p99</dt>
          <dd>{milliseconds(signals.latencyMs?.p99)}</dd>
        </div>
        <div>
          <dt>Requests</dt>
          <dd>{bytes(signals.requestBytesRate + signals.receivedBytesRate)}/s</dd>
        </div>
        <div>
          <dt>Responses</dt>
          <dd>{bytes(signals.responseBytesRate + signals.sentBytesRate)}/s</dd>
        </div>
      </dl>
      {outcomes.length > 0 && (
        <ul className="outcomes">
          {outcomes.map((outcome) => (
            <li key={`${outcome.code} ${outcome.grpcStatus} ${outcome.flags}`}>
              <strong>{outcomeText(outcome)}</strong> {count(outcome.rate)}/s{" "}
              <span className="muted">{flagText(outcome.flags)}</span>
            </li>
          ))}
        </ul>
      )}
      <ul className="identities">
        {identities.map(({ source, destination, policy, share }) => (
          <li key={`${policy} ${source} ${destination}`}>
            <span className={policy === "mutual_tls" ? "tag ok" : "tag"}>
              {policy === "mutual_tls" ? "mutual TLS" : policy === "none" ? "plaintext" : "reported by the client"}{" "}
              {percent(share)}
            </span>{" "}
            <code>{source}</code> <span aria-hidden="true">→</span>
            <span className="visually-hidden"> to </span> <code>{destination}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}
