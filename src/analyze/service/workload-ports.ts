// Services that lead to one workload: whether they agree with each other, and with its containers.

import { portProtocol } from "../../dialect/kubernetes/protocol.ts";
import { file } from "../../model/label-index.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type ServicePortValue } from "../kinds.ts";
import { namespaceLabels, refusesProxy } from "../namespace/injection.ts";
import type { Runnable } from "../runnable.ts";
import type { ViewOf } from "../view.ts";
import type { World } from "../world.ts";

type Service = ViewOf<typeof kinds.service>;

interface Leading {
  readonly service: Service;
  readonly port: ServicePortValue;
}

export const workloadPorts: MeshAnalyzer = {
  name: "deployment.ServiceAssociationAnalyzer",
  about: "Services of one workload agree on ports and protocols, and its containers have the ports",
  codes: ["IST0116", "IST0137", "KIA0701"],
  scope: "mesh",
  analyze(world, report) {
    const services = new Map<Runnable, Service[]>();
    const namespaces = namespaceLabels(world);
    for (const service of world.views(kinds.service)) {
      const { selector = {} } = service.value.spec ?? {};
      if (Object.keys(selector).length === 0) continue;
      const selected = world.select(selector, service.namespace).filter(({ kind }) => kind !== "entry");
      for (const runnable of selected)
        if (!runnable.owned && !refusesProxy(runnable, namespaces.get(runnable.namespace)))
          file(services, runnable, service);
      checkTargets(service, selected, report);
    }
    for (const [runnable, leading] of services) if (leading.length > 1) checkTogether(runnable, leading, report);
  },
};

function checkTogether(runnable: Runnable, services: readonly Service[], report: Report): void {
  const leading = services.flatMap((service) =>
    (service.value.spec?.ports ?? []).map((port): Leading => ({ service, port })),
  );
  const who = `${runnable.name}.${runnable.namespace}`;
  for (const [number, same] of Map.groupBy(leading, ({ port }) => port.port)) {
    const protocols = new Set(same.map(({ port }) => `${port.protocol ?? "TCP"} ${portProtocol(port)}`));
    if (protocols.size > 1)
      report(
        runnable.object,
        "metadata.name",
        finding(
          "IST0116",
          `This deployment ${who} is associated with multiple services using port ${number} but different protocols: ${namesOf(same)}`,
          "the same appProtocol, or name of the port, in each",
        ),
      );
  }
  for (const [target, same] of Map.groupBy(leading, ({ port }) => String(port.targetPort ?? port.port))) {
    const numbers = [...new Set(same.map(({ port }) => port.port))];
    const owners = new Set(same.map(({ service }) => service.name));
    if (numbers.length > 1 && owners.size > 1)
      report(
        runnable.object,
        "metadata.name",
        finding(
          "IST0137",
          `This deployment ${who} is associated with multiple services ${namesOf(same)} using targetPort ${JSON.stringify(target)} but different ports: [${numbers.join(" ")}]`,
          "the same port in each",
        ),
      );
  }
}

function namesOf(leading: readonly Leading[]): string {
  const names = [...new Set(leading.map(({ service }) => `${service.name}.${service.namespace}`))];
  return `[${names.slice(0, 5).join(" ")}${names.length > 5 ? " …" : ""}]`;
}

/** Only where containers say which ports they have: they need not. */
function checkTargets({ object, value }: Service, selected: ReturnType<World["select"]>, report: Report): void {
  const ports = selected.flatMap(({ pod }) => (pod.containers ?? []).flatMap((container) => container.ports ?? []));
  const isSilent = selected.some(({ pod }) => !(pod.containers ?? []).some(({ ports: own = [] }) => own.length > 0));
  if (selected.length === 0 || isSilent) return;
  const numbers = [...new Set(ports.map(({ containerPort }) => containerPort))].sort((a, b) => a - b);
  const names = [...new Set(ports.flatMap(({ name }) => name ?? []))];
  for (const [i, { port, targetPort = port }] of (value.spec?.ports ?? []).entries()) {
    if (typeof targetPort === "number" ? numbers.includes(targetPort) : names.includes(targetPort)) continue;
    report(
      object,
      `spec.ports[${i}]`,
      finding(
        "KIA0701",
        `no container of the selected workloads has the port ${targetPort}`,
        `targetPort: ${[...numbers, ...names].slice(0, 8).join(", ")}`,
      ),
    );
  }
}
