// All of a workload: what its proxy demands of callers, and the services that lead to it.

import { servedPorts } from "../../compile/inbound-ports.ts";
import { inputsFor } from "../../compile/patch/program.ts";
import { telemetryOf } from "../../model/effective-telemetry.ts";
import { identityText } from "../../model/identity.ts";
import { authorizationOf, inboundPortsOf, mtlsRuling, servicesOf } from "../../model/lookup.ts";
import type { InboundPort } from "../../model/mesh.ts";
import { portByNumber } from "../../model/service.ts";
import type { Workload } from "../../model/workload.ts";
import type {
  AuthorizationFacts,
  MtlsFacts,
  ProtocolFacts,
  WorkloadDescription,
  WorkloadPortFacts,
} from "./description.ts";
import { openedFacts } from "./exposure.ts";
import { protocolOf } from "./protocol.ts";
import { describeService } from "./service.ts";
import { at, type Subject } from "./subject.ts";
import { workloadWarnings } from "./warnings.ts";

/** No port's own mode. */
const ANY_PORT = 0;

export function describeWorkload(subject: Subject, workload: Workload): WorkloadDescription {
  const { mesh } = subject;
  const { workloadName } = workload;
  const { namespace, name, proxy, origin } = workload;
  const by = at(subject, origin);
  const scope = mesh.index.proxyScopes.of(workload);
  return {
    kind: "workload",
    namespace,
    name,
    workload: workloadName,
    instances: mesh.workloads
      .filter((one) => one.namespace === namespace && one.workloadName === workloadName)
      .map((one) => one.name),
    by,
    addresses: workload.addresses,
    health: workload.health,
    serviceAccount: workload.serviceAccount,
    identity: identityText(workload.identity),
    app: workload.canonicalName,
    version: workload.canonicalRevision,
    proxy: proxy && {
      kind: proxy.kind,
      role: proxy.gateway ? "gateway" : "sidecar",
      captures: proxy.capture !== undefined,
    },
    ports: portsOf(subject, workload),
    mtls: mtlsOf(subject, workload, ANY_PORT),
    requestAuthentications: mesh.index.requestAuthentications.of(workload).map((each) => ({
      by: at(subject, each.origin),
      issuers: each.issuers.map(({ issuer }) => issuer || "any"),
    })),
    authorizationPolicies: authorizationFacts(subject, workload),
    // A gateway calls whatever its routes lead to.
    sidecar: scope && !proxy?.gateway ? at(subject, scope.origin) : undefined,
    telemetries: (telemetryOf(mesh, workload)?.origins ?? []).map((each) => at(subject, each)),
    extensions: extensionsOf(subject, workload),
    opened: openedFacts(subject, workload),
    services: servicesOf(mesh, workload).map((service) => describeService(subject, service, namespace, workload)),
    warnings: workloadWarnings(workload, by),
  };
}

function mtlsOf(subject: Subject, workload: Workload, port: number): MtlsFacts {
  const { mode, policy } = mtlsRuling(subject.mesh, workload, port);
  return { mode, by: policy && at(subject, policy.origin) };
}

/** Those that services lead to, and those that the proxy stands for. */
function portsOf(subject: Subject, workload: Workload): readonly WorkloadPortFacts[] {
  const { mesh } = subject;
  const { proxy } = workload;
  const bound = inboundPortsOf(mesh, workload);
  const scope = mesh.index.proxyScopes.of(workload);
  const served = proxy
    ? servedPorts(mesh, workload, proxy, scope)
    : bound.map(({ number }) => ({ number, protocol: "undeclared", own: undefined }) as const);
  return served.map(({ number, protocol, own }) => {
    const port = bound.find((one) => one.number === number);
    const declared = port && declaredBy(subject, port);
    const ingress = own?.protocol && scope ? `Sidecar ${scope.origin.namespace}/${scope.origin.name}` : undefined;
    const nobody = workload.ports.some((one) => one.number === number && one.protocol)
      ? "the workload says so"
      : "no service leads to it";
    return {
      number,
      protocol: declared?.protocol ?? own?.protocol ?? protocol,
      decidedBy: declared?.decidedBy ?? ingress ?? nobody,
      services: (port?.bindings ?? []).map(
        (binding) => `${binding.service.namespace}/${binding.service.name}:${binding.port.number}`,
      ),
      mtls: mtlsOf(subject, workload, number),
    };
  });
}

/** The oldest service that leads there declares the protocol. */
function declaredBy(subject: Subject, { bindings }: InboundPort): ProtocolFacts | undefined {
  const [oldest] = bindings;
  const port = oldest && portByNumber(oldest.service, oldest.port.number);
  return port && protocolOf(subject, oldest.service, port);
}

function authorizationFacts(subject: Subject, workload: Workload): readonly AuthorizationFacts[] {
  return authorizationOf(subject.mesh, workload).flatMap(({ effect, enforced, trial }) =>
    [...enforced, ...trial].map(({ origin, dryRun, rules }) => ({
      by: at(subject, origin),
      action: effect.kind === "delegate" ? `delegate to ${effect.authorizer}` : effect.kind,
      dryRun,
      rules: rules.length,
    })),
  );
}

/** Heddle's proxy takes none of them. */
function extensionsOf(subject: Subject, workload: Workload): WorkloadDescription["extensions"] {
  const { envoyPatches, trafficExtensions } = subject.mesh.index;
  const applied = inputsFor(subject.mesh, workload) !== undefined;
  const found = [...envoyPatches.of(workload), ...trafficExtensions.of(workload)];
  return found.map(({ origin }) => ({ by: at(subject, origin), applied }));
}
