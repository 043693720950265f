// What of a port says what it speaks.

import { type PortDeclaration, protocolRuling } from "../../dialect/kubernetes/protocol.ts";
import { isObject } from "../../dialect/object.ts";
import { originKey } from "../../model/origin.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import type { ProtocolFacts } from "./description.ts";
import type { Subject } from "./subject.ts";

export function protocolOf({ objects }: Subject, service: Service, port: ServicePort): ProtocolFacts {
  const { group, kind } = service.origin;
  const declared =
    group === "" && kind === "Service" ? declaration(objects.get(originKey(service.origin))?.value, port) : undefined;
  const decidedBy = declared ? deciderText(declared) : `its ${kind}`;
  return { protocol: port.protocol, decidedBy };
}

function declaration(value: unknown, { number }: ServicePort): PortDeclaration | undefined {
  const spec = isObject(value) ? value.spec : undefined;
  const ports: readonly unknown[] = isObject(spec) && Array.isArray(spec.ports) ? spec.ports : [];
  const found = ports.find((port) => isObject(port) && port.port === number);
  return found as PortDeclaration | undefined;
}

function deciderText(port: PortDeclaration): string {
  const { by } = protocolRuling(port);
  switch (by) {
    case "transport":
      return `protocol ${port.protocol}`;
    case "appProtocol":
      return `appProtocol ${port.appProtocol}`;
    case "name":
      return `the port's name ${port.name}`;
    case "number":
      return `number ${port.port}, whose first bytes are not waited for`;
    case "sniffing":
      return `its first bytes (${undeclared(port)})`;
  }
}

function undeclared({ name, appProtocol }: PortDeclaration): string {
  if (appProtocol !== undefined) return `appProtocol ${appProtocol} is no protocol of the mesh's`;
  return name ? `the name ${name} declares none` : "the port has no name";
}
