// The split as measured over the split as configured, to the same scale.

import type { Service, Version } from "../../../src/admin/api.ts";
import { percent } from "../format.ts";
import { versionColour } from "../palette.ts";

function Bar({ label, shares, versions }: { label: string; shares: readonly number[]; versions: readonly Version[] }) {
  return (
    <div className="split-row">
      <span className="split-label">{label}</span>
      <div
        className="split-bar"
        role="img"
        aria-label={`${label}: ${versions.map(({ version }, i) => `${version} ${percent(shares[i] ?? 0)}`).join(", ")}`}
      >
        {versions.map(({ workload, version }, index) => {
          const share = shares[index] ?? 0;
          return (
            <span
              key={workload}
              className="share"
              title={`${version} ${percent(share)}`}
              style={{ width: `${share * 100}%`, background: versionColour(index) }}
            >
              <span className="share-text">
                {version} {percent(share)}
              </span>
            </span>
          );
        })}
      </div>
    </div>
  );
}

export function SplitBars({ service }: { service: Service }) {
  const { versions, splitBy } = service;
  const configured = versions.map(({ configuredShare }) => configuredShare ?? 0);
  return (
    <div className="split">
      <Bar label="Measured" shares={versions.map(({ measuredShare }) => measuredShare)} versions={versions} />
      {versions.some(({ configuredShare }) => configuredShare !== null) ? (
        <>
          <Bar label="Configured" shares={configured} versions={versions} />
          {splitBy && <p className="split-source muted">by {splitBy}</p>}
        </>
      ) : (
        <p className="split-source muted">No route splits this service: every version takes its share of endpoints.</p>
      )}
    </div>
  );
}
