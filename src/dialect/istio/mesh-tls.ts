// meshMTLS and tlsDefaults of MeshConfig → how TLS is spoken where nobody says it for a server or a client.

import type { TlsVersion } from "../../model/gateway.ts";
import type { MeshSettings } from "../../model/settings.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { CURVES } from "./curves.ts";
import { readCipherSuites } from "./gateway-tls.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { unknownCurve } from "./mesh-diagnostics.ts";
import { verifiedAllTheSame } from "./settings-diagnostics.ts";
import { curvesOfMesh, curveTwice } from "./validation-diagnostics.ts";

export function readMeshTlsSettings(
  { meshMTLS, tlsDefaults, verifyCertificateAtClient }: MeshConfigSpec,
  path: string,
  before: MeshSettings,
  reporter: Reporter,
): Pick<MeshSettings, "meshTls" | "outsideTls"> {
  const at = (field: string, part: string) => joinPath(joinPath(path, field), part);
  if (meshMTLS?.ecdhCurves) reporter.report(at("meshMTLS", "ecdhCurves"), curvesOfMesh());
  if (verifyCertificateAtClient === false)
    reporter.report(joinPath(path, "verifyCertificateAtClient"), verifiedAllTheSame());
  return {
    meshTls: meshMTLS
      ? {
          min: oldest(meshMTLS.minProtocolVersion),
          cipherSuites: readCipherSuites(meshMTLS.cipherSuites, at("meshMTLS", "cipherSuites"), reporter),
        }
      : before.meshTls,
    outsideTls: tlsDefaults
      ? {
          min: oldest(tlsDefaults.minProtocolVersion),
          cipherSuites: readCipherSuites(tlsDefaults.cipherSuites, at("tlsDefaults", "cipherSuites"), reporter),
          curves: readCurves(tlsDefaults.ecdhCurves, at("tlsDefaults", "ecdhCurves"), reporter),
        }
      : before.outsideTls,
  };
}

function oldest(version: NonNullable<MeshConfigSpec["meshMTLS"]>["minProtocolVersion"]): TlsVersion {
  return version === "TLSV1_3" ? "TLSV1_3" : "TLSV1_2";
}

/** Each once: BoringSSL refuses a list in which one comes twice. */
function readCurves(curves: readonly string[] = [], path: string, reporter: Reporter): readonly string[] {
  for (const [i, curve] of curves.entries()) {
    if (!CURVES.has(curve)) reporter.report(joinPath(path, i), unknownCurve(curve));
    else if (curves.indexOf(curve) < i) reporter.report(joinPath(path, i), curveTwice(curve));
  }
  return [...new Set(curves.filter((curve) => CURVES.has(curve)))];
}
