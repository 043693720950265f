// Tokens are read from HTTP requests: on a port that is not declared HTTP there are none to read.

import { portProtocol } from "../../dialect/kubernetes/protocol.ts";
import { labelsMatch } from "../../model/workload.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";

const HTTP: ReadonlySet<string> = new Set(["http", "http2", "grpc", "grpc-web", "https"]);

export const jwtPorts: MeshAnalyzer = {
  name: "auth.JwtAnalyzer",
  about: "ports whose requests carry tokens are declared HTTP",
  codes: ["IST0119"],
  scope: "mesh",
  analyze(world, report) {
    for (const { object, namespace, value } of world.views(kinds.requestAuthentication)) {
      const { selector, jwtRules = [] } = value.spec ?? {};
      const labels = selector?.matchLabels ?? {};
      if (jwtRules.length === 0 || Object.keys(labels).length === 0) continue;
      const pods = world.select(labels, namespace);
      for (const service of world.views(kinds.service)) {
        const wanted = service.value.spec?.selector ?? {};
        if (service.namespace !== namespace || Object.keys(wanted).length === 0) continue;
        const isFor = pods.some((pod) => labelsMatch(wanted, pod.labels)) || labelsMatch(labels, wanted);
        if (!isFor) continue;
        for (const port of service.value.spec?.ports ?? []) {
          if (HTTP.has(portProtocol(port))) continue;
          report(
            object,
            "spec.selector.matchLabels",
            finding(
              "IST0119",
              `Authentication policy with JWT targets Service with invalid port specification (port: ${port.port}, name: ${port.name ?? ""}, protocol: ${port.protocol ?? "TCP"}, targetPort: ${port.targetPort ?? port.port}): Service ${service.namespace}/${service.name}`,
              `name: http-${port.name || port.port}`,
            ),
          );
        }
      }
    }
  },
};
