// What the ports of a Service declare.

import { portProtocol } from "../../dialect/kubernetes/protocol.ts";
import type { SourceObject } from "../../dialect/object.ts";
import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type ServicePortValue } from "../kinds.ts";
import { viewAs } from "../view.ts";

/** Names of these are others' business (Istio's IsSystemNamespace and IsIstioControlPlane). */
const SYSTEM = ["kube-system", "kube-public"];

function isControlPlane({ labels }: SourceObject): boolean {
  return labels.istio !== undefined || labels.release === "istio";
}

export const servicePorts: ObjectAnalyzer = {
  name: "service.PortNameAnalyzer",
  about: "ports declare their protocol by name or appProtocol",
  codes: ["IST0118", "IST0150", "KIA0602"],
  scope: "object",
  analyze(object, report) {
    const view = viewAs(kinds.service, object);
    if (!view || SYSTEM.includes(view.namespace) || isControlPlane(object)) return;
    const { type, ports = [] } = view.value.spec ?? {};
    for (const [i, port] of ports.entries()) {
      const path = `spec.ports[${i}]`;
      if (port.protocol === "UDP" || port.protocol === "SCTP") continue;
      const { appProtocol } = port;
      if (appProtocol !== undefined && !isOthers(appProtocol) && !declares({ port: 1, appProtocol }))
        report(
          object,
          `${path}.appProtocol`,
          finding(
            "KIA0602",
            `appProtocol declares no protocol that the mesh knows: ${JSON.stringify(appProtocol)}; the port carries bytes or what is seen on it`,
            "http, http2, grpc, tls, tcp, …",
          ),
        );
      const at = port.name === undefined ? path : `${path}.name`;
      if (type === "ExternalName") {
        if (appProtocol === undefined && (!declares({ ...port, port: 1 }) || portProtocol(port) === "tcp"))
          report(
            object,
            at,
            finding(
              "IST0150",
              "Port name for ExternalName service is invalid. Proxy may prevent tcp named ports and unmatched traffic for ports serving TCP protocol from being forwarded correctly",
              `name: http-${port.name ?? port.port}`,
            ),
          );
      } else if (appProtocol === undefined && !declares({ ...port, port: 1 }))
        report(
          object,
          at,
          finding(
            "IST0118",
            `Port name ${port.name ?? ""} (port: ${port.port}, targetPort: ${port.targetPort ?? port.port}) doesn't follow the naming convention of Istio port`,
            `name: http-${port.name ?? port.port}, or tcp-…`,
          ),
        );
    }
  },
};

/** Of an implementation, or of Istio's own waypoints. */
function isOthers(appProtocol: string): boolean {
  return appProtocol.includes("/") || appProtocol === "hbone";
}

/** Port 1 is none of those whose number alone declares a protocol. */
function declares(port: Pick<ServicePortValue, "port"> & Partial<ServicePortValue>): boolean {
  return portProtocol(port) !== "undeclared";
}
