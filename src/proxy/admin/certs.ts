// envoy.admin.v3.Certificates: what stands behind TLS, and when it ends. Keys are not shown.

import type { Certificate } from "../../pki/certificate.ts";
import { parseCertificates } from "../../pki/certificate.ts";
import { json } from "./answer.ts";
import type { AdminState } from "./state.ts";

const MS_PER_DAY = 86_400_000;
/** Bundles of roots are longer than chains: a system's has some 150. */
const MAX_CERTIFICATES = 1_000;

function describe({ serial, altNames, notBeforeMs, notAfterMs }: Certificate): object {
  const names = [...altNames.uris.map((uri) => ({ uri })), ...altNames.dnsNames.map((dns) => ({ dns }))];
  return {
    path: "<inline>",
    serial_number: serial,
    subject_alt_names: names,
    days_until_expiration: String(Math.max(0, Math.floor((notAfterMs - Date.now()) / MS_PER_DAY))),
    valid_from: new Date(notBeforeMs).toISOString(),
    expiration_time: new Date(notAfterMs).toISOString(),
  };
}

function describePem(pem: string | undefined): readonly object[] {
  const parsed = pem === undefined ? undefined : parseCertificates(pem, MAX_CERTIFICATES);
  return parsed?.kind === "parsed" ? parsed.value.map(describe) : [];
}

export function certificates({ configuration }: AdminState): Response {
  const pairs = configuration.secrets.pairs().map(({ chain, roots }) => ({
    ca_cert: describePem(roots),
    cert_chain: describePem(chain),
  }));
  return json({ certificates: pairs });
}
