import type { KindWords } from "../words.ts";

const MODES =
  "STRICT demands mutual TLS, PERMISSIVE takes plaintext as well, DISABLE takes plaintext alone, UNSET asks the wider scope";

export const PEER_AUTHENTICATION: KindWords = {
  about: "Whether workloads demand mutual TLS of their callers",
  proxies: "The servers' sidecars act on it, Heddle's proxy and Envoy alike.",
  fields: {
    "spec.mtls": { says: "What all ports demand", default: "what the namespace or the mesh says" },
    "spec.portLevelMtls": "What single ports of the workload demand, by number; needs a selector",
    "mtls.mode": { says: MODES, default: "UNSET; PERMISSIVE where nobody says anything" },
    "portLevelMtls.mode": { says: MODES, default: "UNSET" },
  },
  example: `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: reviews
  namespace: shop
spec:
  selector:
    matchLabels: {app: reviews}
  mtls: {mode: STRICT}
  portLevelMtls:
    9090: {mode: PERMISSIVE}
`,
};
