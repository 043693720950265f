// The mesh in one row of figures.

import type { Mesh } from "../../../src/admin/api.ts";
import { count, counted, duration, percent } from "../format.ts";

type Tone = "plain" | "ok" | "warn" | "bad";

function Tile({
  label,
  value,
  unit,
  note,
  tone = "plain",
}: {
  label: string;
  value: string;
  unit?: string;
  note?: string;
  tone?: Tone;
}) {
  return (
    <div className={`tile ${tone}`}>
      <dt>{label}</dt>
      <dd>
        <span className="figure">{value}</span>
        {unit && <span className="unit"> {unit}</span>}
        {note && <span className="note">{note}</span>}
      </dd>
    </div>
  );
}

function successTone(rate: number | null): Tone {
  if (rate === null) return "plain";
  if (rate < 0.95) return "bad";
  return rate < 0.999 ? "warn" : "ok";
}

function mtlsTone(share: number | null): Tone {
  if (share === null) return "plain";
  return share === 1 ? "ok" : "warn";
}

/** A root that lives shorter than this wants rotating now. */
const ROOT_WARNING_MS = 30 * 86_400_000;

export function Summary({ mesh, now }: { mesh: Mesh; now: number }) {
  const { proxies, findings } = mesh;
  const rootLeft = mesh.rootExpiresAt === null ? null : mesh.rootExpiresAt - now;
  const findingTone = findings.errors > 0 ? "bad" : findings.warnings > 0 ? "warn" : "ok";
  return (
    <dl className="summary" aria-label="The mesh now">
      <Tile label="Traffic" value={count(mesh.requestRate)} unit="req/s" />
      <Tile label="Success" value={percent(mesh.successRate)} tone={successTone(mesh.successRate)} />
      <Tile label="Mutual TLS" value={percent(mesh.mtlsShare)} tone={mtlsTone(mesh.mtlsShare)} />
      <Tile
        label="Proxies in sync"
        value={`${proxies.ready}/${proxies.total}`}
        tone={proxies.ready === proxies.total ? (proxies.total > 0 ? "ok" : "plain") : "warn"}
      />
      <Tile label="Services" value={String(mesh.services)} />
      <Tile label="Control plane up" value={duration(now - mesh.startedAt)} />
      <Tile
        label="Configuration"
        value={findings.errors + findings.warnings === 0 ? "clean" : String(findings.errors + findings.warnings)}
        {...(findings.errors + findings.warnings === 0
          ? {}
          : { note: `${counted(findings.errors, "error")}, ${counted(findings.warnings, "warning")}` })}
        tone={findingTone}
      />
      <Tile
        label="Root expires in"
        value={rootLeft === null ? "–" : duration(rootLeft)}
        tone={rootLeft !== null && rootLeft < ROOT_WARNING_MS ? "warn" : "plain"}
      />
    </dl>
  );
}
