// `heddle proxy-config envoy-stats`: the statistics of a proxy, or its clusters, as its admin interface has them.

import { stringify } from "yaml";
import { EXIT, Failure } from "../base/failure.ts";
import { type AdminAddress, adminPage } from "./proxy-admin.ts";

export const STATS_TYPES = ["server", "clusters"] as const;

const PAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  server: { table: "/stats", json: "/stats?format=json", prom: "/stats/prometheus" },
  clusters: { table: "/clusters", json: "/clusters?format=json" },
};

/** `type`: istioctl's, `server` where none is given. */
export async function statsText(admin: AdminAddress, type: string | undefined, output: string): Promise<string> {
  const pages = PAGES[type?.toLowerCase() ?? "server"];
  if (!pages)
    throw new Failure(`--type is none of ${STATS_TYPES.join(", ")}: ${JSON.stringify(type)}`, {
      hint: "--type clusters",
      exit: EXIT.usage,
    });
  const form = output === "short" ? "table" : output === "yaml" ? "json" : output;
  const page = pages[form];
  if (page === undefined)
    throw new Failure(`of clusters there is no --output ${output}`, { hint: "--output json", exit: EXIT.usage });
  const text = await adminPage(admin, page);
  return (output === "yaml" ? stringify(JSON.parse(text), { lineWidth: 0 }) : text).trimEnd();
}
