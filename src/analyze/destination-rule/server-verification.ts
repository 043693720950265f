// TLS that the client begins without anything to verify the server with.

import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { viewAs } from "../view.ts";

export const serverVerification: ObjectAnalyzer = {
  name: "destinationrule.CaCertificateAnalyzer",
  about: "the certificate of a server is verified",
  codes: ["IST0128", "IST0129"],
  scope: "object",
  analyze(object, report) {
    const view = viewAs(kinds.destinationRule, object);
    if (!view) return;
    const { trafficPolicy, host } = view.value.spec;
    const set = `DestinationRule ${view.name} in namespace ${view.namespace} has TLS mode set to`;
    // A Secret has roots, or there is no way to the host; unless nobody looks.
    const verifies = ({
      caCertificates,
      credentialName,
      caCertCredentialName,
      insecureSkipVerify,
    }: TlsValue & object): boolean =>
      caCertificates !== undefined || ((credentialName ?? caCertCredentialName) !== undefined && !insecureSkipVerify);
    const unverified = (tls: TlsValue): tls is TlsValue & { mode: string } =>
      (tls?.mode === "SIMPLE" || tls?.mode === "MUTUAL") && !verifies(tls);
    const tls = trafficPolicy?.tls;
    if (unverified(tls))
      report(
        object,
        "spec.trafficPolicy.tls",
        finding(
          "IST0128",
          `${set} ${tls.mode} but no caCertificates are set to validate server identity for host: ${host}${effect(tls)}`,
          CA,
        ),
      );
    for (const [i, { port, tls: own }] of (trafficPolicy?.portLevelSettings ?? []).entries())
      if (unverified(own))
        report(
          object,
          `spec.trafficPolicy.portLevelSettings[${i}].tls`,
          finding(
            "IST0129",
            `${set} ${own.mode} but no caCertificates are set to validate server identity for host: ${host} at port ${port.number}${effect(own)}`,
            CA,
          ),
        );
  },
};

type TlsValue =
  | {
      readonly mode?: string;
      readonly caCertificates?: string;
      readonly credentialName?: string;
      readonly caCertCredentialName?: string;
      readonly insecureSkipVerify?: boolean;
    }
  | undefined;

/** Istio's sentence is from before the operating system's roots were the default. */
function effect(tls: TlsValue): string {
  return tls?.insecureSkipVerify
    ? "; nothing is verified"
    : "; every authority that the operating system trusts is trusted";
}

const CA = "caCertificates: /etc/ssl/certs/ca-certificates.crt";
