// Codes of Istio and Kiali that Heddle never finds, and why: what is not looked for is said.

export interface NotCovered {
  readonly code: string;
  readonly name: string;
  readonly reason: string;
}

const AMBIENT = "is about ambient mode, which Heddle does not have";
const INSTALLATION = "is about an installation of istiod";
const GATEWAY_API = "is about the Gateway API, which no dialect reads yet";
const AUTO_MTLS = "mutual TLS is automatic: a policy needs no counterpart";

export const NOT_COVERED: readonly NotCovered[] = [
  ...list(INSTALLATION, [
    ["IST0126", "UnknownMeshNetworksServiceRegistry"],
    ["IST0139", "InvalidWebhook"],
    ["IST0141", "InsufficientPermissions"],
    ["IST0142", "UnsupportedKubernetesVersion"],
    ["IST0148", "NamespaceInjectionEnabledByDefault"],
    ["IST0158", "PodsIstioProxyImageMismatchInNamespace"],
    ["IST0163", "InvalidExternalControlPlaneConfig"],
    ["IST0164", "ExternalControlPlaneAddressIsNotAHostname"],
    ["IST0168", "UnknownUpgradeCompatibility"],
    ["IST0169", "UpdateIncompatibility"],
    ["IST0175", "JWKS addresses are not blocked by range"],
  ]),
  ...list("needs the addresses that a running container listens on", [["IST0143", "LocalhostListener"]]),
  ...list(AMBIENT, [
    ["IST0167", "IneffectivePolicy"],
    ["KIA0109", ""],
    ["KIA0110", ""],
    ["KIA0210", ""],
    ["KIA0211", ""],
    ["KIA0212", ""],
    ["KIA1109", ""],
    ["KIA1110", ""],
    ["KIA1111", ""],
    ["KIA1112", ""],
    ["KIA1113", ""],
    ["KIA1114", ""],
    ["KIA1115", ""],
    ["KIA1116", ""],
    ["KIA1117", ""],
    ["KIA1311", ""],
    ["KIA1312", ""],
    ["KIA1313", ""],
    ["KIA1314", ""],
    ["KIA1315", ""],
    ["KIA1316", ""],
    ["KIA1317", ""],
  ]),
  ...list("a control plane of Heddle has one cluster", [
    ["IST0170", "MultiClusterInconsistentService"],
    ["KIA0107", "authorizationpolicy.source.principalremote"],
  ]),
  ...list(GATEWAY_API, [
    ["IST0156", "UnsupportedGatewayAPIVersion"],
    ["IST0176", "CRDs of the Gateway API are too old"],
    ["KIA1401", "k8sroutes.nok8sgateway"],
    ["KIA1402", "k8sroutes.nohost.namenotfound"],
    ["KIA1501", "k8sgateways.multimatch.listener"],
    ["KIA1502", "k8sgateways.multimatch.ip"],
    ["KIA1503", "k8sgateways.unique.listener"],
    ["KIA1504", "k8sgateways.gatewayclassnotfound"],
    ["KIA1601", "k8sreferencegrants.from.namespacenotfound"],
  ]),
  ...list(AUTO_MTLS, [
    ["KIA0204", "destinationrules.trafficpolicy.notlssettings"],
    ["KIA0205", "destinationrules.mtls.meshpolicymissing"],
    ["KIA0206", "destinationrules.mtls.nspolicymissing"],
    ["KIA0401", "peerauthentication.mtls.destinationrulemissing"],
    ["KIA0501", "peerauthentications.mtls.destinationrulemissing"],
    ["KIA0505", "peerauthentications.mtls.disabledestinationrulemissing"],
    ["KIA0506", "peerauthentications.mtls.disablemeshdestinationrulemissing"],
  ]),
  ...list("a ServiceEntry's addresses are virtual ones: those of its workloads need not be among them", [
    ["KIA1201", "serviceentries.workloadentries.addressmatch"],
  ]),
];

function list(reason: string, codes: readonly (readonly [code: string, name: string])[]): readonly NotCovered[] {
  return codes.map(([code, name]) => ({ code, name, reason }));
}
