// Kiali's codes (models/istio_validation.go) for what Istio has no code for, with the ids of Kiali's checks as names.

import type { CodeInfo } from "../code-info.ts";

export const KIALI_CODES = {
  KIA0002: {
    name: "generic.multimatch.selectorless",
    level: "error",
    about: "two policies of one kind select nothing in a namespace",
    also: ["HED2009", "HED2014"],
    differs: "a Warning for RequestAuthentications: all of them hold",
  },
  KIA0003: {
    name: "generic.multimatch.selector",
    level: "error",
    about: "two PeerAuthentications select one workload",
  },
  KIA0005: {
    name: "generic.exportto.namespacenotfound",
    level: "error",
    about: "exported to a namespace that is nowhere",
  },
  KIA0102: {
    name: "authorizationpolicy.to.wrongmethod",
    level: "warning",
    about: "a method that is none of HTTP's",
    differs: "Kiali takes small letters, which no request has",
  },
  KIA0104: {
    name: "authorizationpolicy.nodest.matchingregistry",
    level: "error",
    about: "a rule for requests to a host that is nowhere",
  },
  KIA0105: {
    name: "authorizationpolicy.mtls.needstobeenabled",
    level: "error",
    about: "a rule about identities where mutual TLS is off",
  },
  KIA0106: {
    name: "authorizationpolicy.source.principalnotfound",
    level: "error",
    about: "a rule for a service account that is nowhere",
  },
  KIA0108: {
    name: "authorizationpolicy.source.principalforeign",
    level: "info",
    about: "a rule for an identity of a trust domain that the mesh does not know",
  },
  KIA0201: {
    name: "destinationrules.multimatch",
    level: "warning",
    about: "two DestinationRules for one host, or one subset of it",
    also: ["HED1221", "HED1222", "HED1223"],
    differs: "Kiali says it of any two rules of a host of which one has no subsets; istiod puts them together",
  },
  KIA0209: { name: "destinationrules.nodest.subsetnolabels", level: "warning", about: "a subset without labels" },
  KIA0602: {
    name: "port.appprotocol.mismatch",
    level: "warning",
    about: "an appProtocol that declares no protocol",
    differs: "Kiali says Error; the port works, as bytes",
  },
  KIA0701: {
    name: "service.deployment.port.mismatch",
    level: "warning",
    about: "a target port that no selected container names",
    differs: "only where containers name any: they need not",
  },
  KIA1004: { name: "sidecar.egress.servicenotfound", level: "warning", about: "a Sidecar's host that is nowhere" },
  KIA1006: {
    name: "sidecar.global.selector",
    level: "warning",
    about: "a Sidecar of the root namespace with a selector",
  },
  KIA1007: {
    name: "sidecar.outboundtrafficpolicy.mode.ambiguous",
    level: "info",
    about: "outboundTrafficPolicy without a mode",
  },
  KIA1104: {
    name: "virtualservices.route.singleweight",
    level: "warning",
    about: "a weight on the only destination",
  },
  KIA1105: {
    name: "virtualservices.route.repeatedsubset",
    level: "warning",
    about: "one host, subset and port twice in a route",
  },
  KIA1108: {
    name: "virtualservices.gateway.oldnomenclature",
    level: "info",
    about: "a gateway named in the form of old",
  },
  KIA1211: {
    name: "serviceentries.multimatch",
    level: "warning",
    about: "two objects define one host and port for the same clients",
  },
  KIA1301: {
    name: "workload.authorizationpolicy.needstobecovered",
    level: "info",
    about: "a workload that no AuthorizationPolicy is for, where others have one",
    differs: "Kiali says Warning, and says it where nobody uses AuthorizationPolicies too",
  },
  KIA1701: {
    name: "workloadgroup.template.serviceaccount.notfound",
    level: "warning",
    about: "a WorkloadGroup for a service account that is nowhere",
  },
  KIA1702: {
    name: "workloadgroup.labels.duplicate",
    level: "warning",
    about: "two WorkloadGroups give their workloads the same labels",
  },
} as const satisfies Readonly<Record<string, CodeInfo>>;
