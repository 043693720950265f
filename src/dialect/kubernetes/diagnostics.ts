// What can be wrong with Kubernetes' kinds for a mesh: codes HED1300 to HED1399, sorted and never reused.

import { nearest } from "../../base/nearest.ts";
import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function transportNotSupported(protocol: string): Message {
  return warning("HED1302", `ports of protocol ${protocol} are not supported: the port is left out`);
}

export function badAnnotation(name: string, value: string, wanted: string): Message {
  return error("HED1303", `annotation ${name} is not valid: ${quote(value)}`, wanted);
}

export function sliceWithoutService(): Message {
  return warning(
    "HED1304",
    "EndpointSlice has no label kubernetes.io/service-name: its endpoints belong to no Service",
  );
}

export function namedEndpoints(): Message {
  return warning(
    "HED1305",
    "EndpointSlices of addressType FQDN are left out, as in Istio: an endpoint of a Service is an address",
    "a ServiceEntry with resolution: DNS",
  );
}

export function badCredential(problem: string): Message {
  return warning(
    "HED1306",
    `no gateway can use the Secret: ${problem}`,
    "kubectl create secret tls my-certificate --cert chain.pem --key key.pem",
  );
}

export function unknownTrafficDistribution(value: string, known: readonly string[]): Message {
  const near = nearest(value, known);
  return warning(
    "HED1307",
    `no trafficDistribution is called ${quote(value)}: clients prefer no endpoint`,
    near ?? `one of ${known.join(", ")}`,
  );
}

export function noExternalName(name: string): Message {
  return error(
    "HED1308",
    name === ""
      ? "a Service of type ExternalName says which host it stands for: spec.externalName is missing"
      : `externalName is no DNS name in lower case: ${quote(name)}`,
    "externalName: web.shop.svc.cluster.local",
  );
}

/** As with Istio: it is kube-proxy's, which a sidecar's requests do not pass. */
export function sessionAffinity(): Message {
  return {
    code: "HED1309",
    severity: "info",
    message:
      "sessionAffinity: ClientIP has no effect on clients with a proxy: they choose an endpoint for each request",
    suggestion: "a DestinationRule with loadBalancer: {consistentHash: {useSourceIp: true}}",
  };
}
