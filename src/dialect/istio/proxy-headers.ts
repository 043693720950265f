// proxyHeaders of ProxyConfig → what proxies say in headers.

import { DEFAULT_PROXY_HEADERS, type ProxyHeaders } from "../../model/proxy-headers.ts";
import type { ProxyHeadersSpec } from "./proxy-config-schema.ts";

/** As a whole: what it leaves out is as if nobody had said anything. */
export function readProxyHeaders(spec: ProxyHeadersSpec): ProxyHeaders {
  const { forwardedClientCert = "UNDEFINED", setCurrentClientCertDetails: details, server } = spec;
  const { clientCertificate, certificateDetails } = DEFAULT_PROXY_HEADERS;
  return {
    clientCertificate: forwardedClientCert === "UNDEFINED" ? clientCertificate : forwardedClientCert,
    certificateDetails: {
      subject: details?.subject ?? certificateDetails.subject,
      cert: details?.cert ?? certificateDetails.cert,
      dns: details?.dns ?? certificateDetails.dns,
      uri: details?.uri ?? certificateDetails.uri,
    },
    requestIds: !spec.requestId?.disabled,
    server: server?.disabled || server?.value === "" ? undefined : server?.value,
    attemptCount: !spec.attemptCount?.disabled,
    debugHeaders: !spec.envoyDebugHeaders?.disabled,
    forwardedHost: spec.xForwardedHost?.enabled ?? false,
    forwardedPort: spec.xForwardedPort?.enabled ?? false,
    preservesCase: spec.preserveHttp1HeaderCase ?? false,
  };
}
