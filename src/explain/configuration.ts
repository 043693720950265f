// Which configuration a running proxy decides by: what it is to have, or what it had before.

import { type Workload, workloadKey } from "../model/workload.ts";
import type { CompiledMesh } from "./compiled-mesh.ts";
import type { Acknowledgement, LiveProxy, Unacknowledged } from "./live.ts";
import type { Story } from "./story.ts";

/** Nothing where nobody was asked: offline, or about a proxy that nobody knows. */
export function tellConfiguration({ live }: CompiledMesh, workload: Workload, story: Story): void {
  const proxy = live.get(workloadKey(workload));
  if (!proxy) return;
  const who = `${workload.namespace}/${workload.name}`;
  story.tell("configuration", `${who}: ${acknowledgementText(proxy.acknowledgement)}`);
  story.tell("configuration", `${who}: ${sourceText(proxy)}`);
}

function sourceText({ running }: LiveProxy): string {
  return running.kind === "told"
    ? "decided by what the proxy says that it runs"
    : `decided by what the proxy is to have: it cannot be asked (${running.why})`;
}

const KINDS = {
  cds: "cluster",
  eds: "endpoints of",
  sds: "secret",
  lds: "listener",
  rds: "routes",
  vhds: "virtual host",
  nds: "names",
} as const satisfies Record<Unacknowledged["kind"], string>;

export function acknowledgementText(acknowledgement: Acknowledgement): string {
  switch (acknowledgement.kind) {
    case "disconnected":
      return "this proxy is not connected to the control plane: it runs what it got before";
    case "unknown":
      return `what this proxy has acknowledged is not known (${acknowledgement.why})`;
    case "connected": {
      const { missing, more } = acknowledgement;
      if (missing.length === 0) return "this proxy has acknowledged all that it is to have";
      const rest = more > 0 ? ` and ${more} more` : "";
      return `this proxy has not acknowledged ${missing.map(missingText).join(", ")}${rest}: there it runs what it had before`;
    }
  }
}

function missingText({ kind, name, refusal }: Unacknowledged): string {
  const what = `${KINDS[kind]} ${name}`;
  return refusal === undefined ? what : `${what} (refused: ${refusal})`;
}
