import type { KindWords } from "../words.ts";

const VALUES = "exact, prefix*, *suffix, or * for any";

export const AUTHORIZATION_POLICY: KindWords = {
  about: "Who may do what with the workloads that it selects",
  proxies:
    "The servers' sidecars and gateways act on it, Heddle's proxy and Envoy alike but for CUSTOM ([security.md](../security.md)).",
  fields: {
    "spec.action": {
      says: "ALLOW lets through what a rule says and refuses the rest, DENY refuses it, AUDIT notes it, CUSTOM asks the provider",
      default: "ALLOW",
      heddle: "refuses each request that a CUSTOM rule is for",
    },
    "spec.provider": "The authorizer that CUSTOM asks",
    "provider.name": "Name among MeshConfig's extensionProviders",
    "spec.rules": { says: "The requests: one rule must hold; [{}] is every request", default: "no request" },
    "rules.from": { says: "Who asks: one of these must hold", default: "anybody" },
    "from.source": "The caller, all of it",
    "rules.to": { says: "For what: one of these must hold", default: "anything" },
    "to.operation": "The request, all of it",
    "rules.when": "Further conditions, all of them",
    principals: `Identities of callers (cluster.local/ns/NAMESPACE/sa/ACCOUNT): ${VALUES}; needs mutual TLS`,
    notPrincipals: "Identities that the caller must not have",
    requestPrincipals: `Identities of tokens (ISSUER/SUBJECT): ${VALUES}`,
    notRequestPrincipals: "Identities that the token must not have",
    namespaces: `Namespaces of callers: ${VALUES}; needs mutual TLS`,
    notNamespaces: "Namespaces that the caller must not be of",
    serviceAccounts: "Service accounts of callers, as account or namespace/account; needs mutual TLS",
    notServiceAccounts: "Service accounts that the caller must not be",
    trustDomains: `Trust domains of callers: ${VALUES}; needs mutual TLS`,
    notTrustDomains: "Trust domains that the caller must not be of",
    ipBlocks: "Addresses of the peer, as CIDR",
    notIpBlocks: "Addresses that the peer must not have",
    remoteIpBlocks: "Addresses of the first client, by x-forwarded-for or PROXY header, as CIDR",
    notRemoteIpBlocks: "Addresses that the first client must not have",
    hosts: `Hosts that are asked for: ${VALUES}`,
    notHosts: "Hosts that must not be asked for",
    "operation.ports": "Ports of the workload, as text",
    notPorts: "Ports that must not be asked for",
    methods: `Methods: ${VALUES}`,
    notMethods: "Methods that the request must not have",
    paths: `Paths without the query: ${VALUES}, or templates with {*} and {**}`,
    notPaths: "Paths that the request must not have",
    "when.key":
      "What is looked at: request.headers[x], source.ip, source.namespace, request.auth.claims[x], connection.sni, …",
    "when.values": `Values of which one must be there: ${VALUES}`,
    "when.notValues": "Values that must not be there",
  },
  example: `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: reviews
  namespace: shop
spec:
  selector:
    matchLabels: {app: reviews}
  action: ALLOW
  rules:
  - from:
    - source: {principals: [cluster.local/ns/shop/sa/web]}
    to:
    - operation: {methods: [GET], paths: ["/reviews/*"]}
`,
};
