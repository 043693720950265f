// What annotations say of the connections of a captured program (Istio's traffic.sidecar.istio.io/…).

import type { MessageInitShape } from "@bufbuild/protobuf";
import { parseCidr } from "../../base/cidr.ts";
import type { CaptureScopeSchema } from "../../xds/gen/heddle/registration/v1/registration_pb.ts";

type Annotations = Readonly<Record<string, string>>;

const PREFIX = "traffic.sidecar.istio.io/";

function listed(annotations: Annotations, name: string): readonly string[] | undefined {
  const text = annotations[PREFIX + name];
  return text
    ?.split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/** What is no port is told by analysis, and says nothing here. */
function ports(annotations: Annotations, name: string): number[] | undefined {
  return listed(annotations, name)
    ?.filter((text) => /^\d{1,5}$/.test(text))
    .map(Number)
    .filter((port) => port > 0 && port < 65_536);
}

function ranges(annotations: Annotations, name: string): string[] | undefined {
  return listed(annotations, name)?.filter((text) => parseCidr(text) !== undefined);
}

/** "*" is all of them, as nothing is. */
function included<T>(annotations: Annotations, name: string, read: (annotations: Annotations, name: string) => T) {
  return annotations[PREFIX + name]?.trim() === "*" ? undefined : read(annotations, name);
}

/** Undefined: everything is captured. */
export function captureScope(annotations: Annotations = {}): MessageInitShape<typeof CaptureScopeSchema> | undefined {
  if (!Object.keys(annotations).some((name) => name.startsWith(PREFIX))) return undefined;
  const takesEveryPort = annotations[`${PREFIX}includeOutboundPorts`]?.trim() === "*";
  const outbound = takesEveryPort ? undefined : included(annotations, "includeOutboundIPRanges", ranges);
  const inbound = included(annotations, "includeInboundPorts", ports);
  return {
    ...(outbound ? { outboundRanges: { ranges: outbound } } : {}),
    excludedOutboundRanges: ranges(annotations, "excludeOutboundIPRanges") ?? [],
    outboundPorts: ports(annotations, "includeOutboundPorts") ?? [],
    excludedOutboundPorts: ports(annotations, "excludeOutboundPorts") ?? [],
    ...(inbound ? { inboundPorts: { ports: inbound } } : {}),
    excludedInboundPorts: ports(annotations, "excludeInboundPorts") ?? [],
  };
}
