import type { KindWords } from "../words.ts";

export const PROXY_CONFIG: KindWords = {
  about: "How proxies are started",
  proxies:
    "It is read and judged, and neither proxy acts on it: `heddle run` says how a proxy is started, before the control plane is asked.",
  fields: {
    "spec.concurrency": "Threads of the proxy",
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
`,
};
