// ProxyConfig: read and judged. What starts a proxy is said where it is started, before the control plane is asked, so that none of it is acted on.

import { later, mapOf, openRecord, record, text } from "../schema.ts";

export const PROXY_CONFIG_KIND = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record({
    selector: record({ matchLabels: mapOf(text("label-value"), "label-key") }),
    concurrency: later("a proxy has as many workers as `heddle run --concurrency` says"),
    environmentVariables: later("proxies have the environment that `heddle run` has"),
    image: later("the agent starts the proxy that comes with it"),
  }),
  status: openRecord({}),
});
