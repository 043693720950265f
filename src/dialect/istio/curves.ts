// Key exchanges of TLS by the names that people write.

/** BoringSSL's, as Istio lets them through (pkg/config/security: ValidECDHCurves), and the one of RFC 9794 that Envoy takes beside them. */
export const CURVES: ReadonlySet<string> = new Set(["X25519MLKEM768", "X25519", "P-256", "P-384", "P-521"]);
