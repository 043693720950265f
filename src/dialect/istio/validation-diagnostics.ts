// What Istio's validation refuses or warns of in the mesh's settings and of targets and ports: codes HED1740 to HED1745, sorted and never reused.

import type { Message } from "../../model/message.ts";
import { quote } from "../diagnostics.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

function warning(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "warning", message, suggestion };
}

export function curvesOfMesh(): Message {
  return error("HED1740", "proxies choose the curves of the mesh's own TLS", "tlsDefaults: {ecdhCurves: …}");
}

export function curveTwice(curve: string): Message {
  return warning("HED1741", `${quote(curve)} stands twice: once is enough`);
}

export function allocationByMetadata(name: string): Message {
  return warning(
    "HED1742",
    `${name} is no longer asked for: ServiceEntries have addresses all the same`,
    'the label networking.istio.io/enable-autoallocate-ip: "false", for one that is to have none',
  );
}

export function noPlace(text: string): Message {
  return error("HED1743", `${quote(text)} is no place`, "region/zone/subzone, or region/*, or *");
}

export function targetOfGroup(kind: string, group: string, groups: readonly string[]): Message {
  const wanted = groups.at(-1)!;
  return error(
    "HED1744",
    `a ${kind} of group ${quote(group)} is nothing that can be a target`,
    `group: ${quote(wanted)}`,
  );
}

export function portTwice(number: number): Message {
  return error("HED1745", `port ${number} stands twice`, "one of the two");
}
