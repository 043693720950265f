// What proxies say of themselves and of their clients in headers.

/** Envoy's ForwardClientCertDetails. */
export const CLIENT_CERTIFICATE_FORWARDING = [
  "SANITIZE",
  "FORWARD_ONLY",
  "APPEND_FORWARD",
  "SANITIZE_SET",
  "ALWAYS_FORWARD_ONLY",
] as const;
export type ClientCertificateForwarding = (typeof CLIENT_CERTIFICATE_FORWARDING)[number];

/** Of the client's certificate, in x-forwarded-client-cert. */
export interface CertificateDetails {
  readonly subject: boolean;
  readonly cert: boolean;
  readonly dns: boolean;
  readonly uri: boolean;
}

export interface ProxyHeaders {
  /** Of requests to applications; gateways have settings of their own. */
  readonly clientCertificate: ClientCertificateForwarding;
  readonly certificateDetails: CertificateDetails;
  /** Whether a request without x-request-id gets one. */
  readonly requestIds: boolean;
  /** What `server` of responses is, whatever the application says; undefined: the application's word passes. */
  readonly server: string | undefined;
  /** x-envoy-attempt-count. */
  readonly attemptCount: boolean;
  /** What routers add for people to look at: x-envoy-upstream-service-time and the like. */
  readonly debugHeaders: boolean;
  readonly forwardedHost: boolean;
  readonly forwardedPort: boolean;
  /** Names go on in the letters that they came in, where HTTP/1.1 takes them all the way. */
  readonly preservesCase: boolean;
}

/** The mesh is not to be noticed where nobody asks, so that other than in Istio `server` passes. */
export const DEFAULT_PROXY_HEADERS: ProxyHeaders = {
  clientCertificate: "APPEND_FORWARD",
  certificateDetails: { subject: true, cert: false, dns: true, uri: true },
  requestIds: true,
  server: undefined,
  attemptCount: true,
  debugHeaders: true,
  forwardedHost: false,
  forwardedPort: false,
  preservesCase: false,
};
