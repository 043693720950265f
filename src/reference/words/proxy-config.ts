import type { KindWords } from "../words.ts";

export const PROXY_CONFIG: KindWords = {
  about: "How proxies are started",
  proxies:
    "`heddle run` and `heddle gateway` start either proxy by it; what changes later is for the next start ([telemetry.md](../telemetry.md#proxyconfig)).",
  fields: {
    "spec.concurrency": { says: "Workers of the proxy; 0 is all cores", default: "what the mesh says, or 1" },
    "spec.environmentVariables": "Variables of the proxy's environment",
    "spec.image": "Image of the proxy",
  },
  example: `apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata:
  name: shop
  namespace: shop
spec:
  selector:
    matchLabels: {app: web}
  concurrency: 2
`,
};
