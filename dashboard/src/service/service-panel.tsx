// The golden signals of one service: its split, its versions, and the last minutes as charts.

import { useState } from "react";
import type { Service } from "../../../src/admin/api.ts";
import { useHistory } from "../use-history.ts";
import { Charts } from "./charts.tsx";
import { SplitBars } from "./split-bars.tsx";
import { VersionTable } from "./version-table.tsx";

const SPANS = [
  { label: "5 min", ms: 5 * 60_000 },
  { label: "15 min", ms: 15 * 60_000 },
  { label: "1 h", ms: 3_600_000 },
  { label: "24 h", ms: 24 * 3_600_000 },
] as const;

export interface ServicePanelProps {
  readonly service: Service | undefined;
  readonly services: readonly Service[];
  readonly onService: (host: string) => void;
  readonly connected: boolean;
  readonly theme: "light" | "dark";
}

/** `golden-signal` where the name alone says which, else with its namespace. */
function shortName(service: Service, services: readonly Service[]): string {
  const alone = services.filter(({ name }) => name === service.name).length === 1;
  return alone ? service.name : `${service.name}.${service.namespace}`;
}

export function ServicePanel({ service, services, onService, connected, theme }: ServicePanelProps) {
  const [spanMs, setSpanMs] = useState<number>(SPANS[0].ms);
  const [version, setVersion] = useState("");
  const history = useHistory(service?.host, spanMs, connected);
  if (!service) {
    return (
      <section className="card service" aria-labelledby="service-title">
        <h2 id="service-title">Golden signals</h2>
        <p className="empty muted">
          No service is known yet. Services appear when they are applied or when a workload registers.
        </p>
      </section>
    );
  }
  const versions = service.versions.map((one) => one.version);
  const shown = versions.includes(version) ? version : "";
  return (
    <section className="card service" aria-labelledby="service-title">
      <div className="card-head">
        <h2 id="service-title">Golden signals</h2>
        <label>
          <span className="visually-hidden">Service</span>
          <select value={service.host} onChange={(event) => onService(event.target.value)}>
            {services.map((one) => (
              <option key={one.host} value={one.host}>
                {shortName(one, services)}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span className="visually-hidden">Version</span>
          <select value={shown} onChange={(event) => setVersion(event.target.value)}>
            <option value="">All versions</option>
            {versions.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <fieldset className="segments">
          <legend className="visually-hidden">Time span</legend>
          {SPANS.map(({ label, ms }) => (
            <button key={ms} type="button" aria-pressed={spanMs === ms} onClick={() => setSpanMs(ms)}>
              {label}
            </button>
          ))}
        </fieldset>
      </div>
      {service.versions.length === 0 ? (
        <p className="empty muted">
          No traffic to <code>{service.host}</code> in the last seconds.
        </p>
      ) : (
        <>
          <SplitBars service={service} />
          <VersionTable versions={service.versions} total={service.signals} />
        </>
      )}
      <Charts history={history} version={shown} theme={theme} />
    </section>
  );
}
