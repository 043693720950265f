// What is known of running proxies: what each acknowledged, by the control plane's word, and what it runs, by its own.

import type { Acknowledgement as AcknowledgementJson } from "../admin/api.ts";
import { Failure } from "../base/failure.ts";
import type { Acknowledgement, LiveProxies, LiveProxy, Running } from "../explain/live.ts";
import { type Workload, workloadKey } from "../model/workload.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import { fetchAdmin, type MeshOptions } from "./mesh-status.ts";
import { type AdminAddress, adminClusters, adminDump, adminOf } from "./proxy-admin.ts";
import { runningHosts, runningResources } from "./running-resources.ts";

/** What a sentence can hold. */
const MAX_NAMED = 8;

/** `addresses`: of admin interfaces that were given, by workload; the others are those of proxies that were started on this machine. */
export async function liveProxies(
  workloads: readonly Workload[],
  options: MeshOptions,
  addresses: ReadonlyMap<Workload, string> = new Map(),
): Promise<LiveProxies> {
  const asked = workloads.filter(({ proxy }) => proxy !== undefined);
  return new Map(
    await Promise.all(
      asked.map(async (workload) => {
        const address = addresses.get(workload);
        const live = await liveProxy(
          workload,
          options,
          address === undefined ? undefined : { address, node: undefined },
        );
        return [workloadKey(workload), live] as const;
      }),
    ),
  );
}

async function liveProxy(
  workload: Workload,
  options: MeshOptions,
  admin: AdminAddress | undefined,
): Promise<LiveProxy> {
  const [acknowledgement, running] = await Promise.all([
    acknowledgementOf(workload, options),
    runningOf(workload, options, admin),
  ]);
  return { acknowledgement, running };
}

export async function acknowledgementOf(workload: Workload, options: MeshOptions): Promise<Acknowledgement> {
  try {
    const path = `/api/v1/unacknowledged?proxy=${encodeURIComponent(workloadKey(workload))}`;
    const { connected, resources, more } = (await fetchAdmin(options, path)) as AcknowledgementJson;
    if (!connected) return { kind: "disconnected" };
    const missing = resources.flatMap(({ kind: text, name, refusal }) => {
      const kind = SEND_ORDER.find((one) => one === text);
      return kind ? [{ kind, name, refusal }] : [];
    });
    const shown = missing.slice(0, MAX_NAMED);
    return { kind: "connected", missing: shown, more: more + missing.length - shown.length };
  } catch (thrown) {
    return { kind: "unknown", why: Failure.from(thrown).message };
  }
}

async function runningOf(
  { namespace, name }: Workload,
  { state }: MeshOptions,
  given: AdminAddress | undefined,
): Promise<Running> {
  try {
    const admin = given ?? adminOf(`${namespace}/${name}`, state);
    const [dump, clusters] = await Promise.all([adminDump(admin), adminClusters(admin)]);
    return { kind: "told", resources: runningResources(dump), hosts: runningHosts(clusters) };
  } catch (thrown) {
    return { kind: "silent", why: Failure.from(thrown).message };
  }
}
