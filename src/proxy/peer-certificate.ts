// The certificate that a client proved, as logs show it. Read when a log asks, once a connection.

import { createHash, X509Certificate } from "node:crypto";
import { type Certificate, parseCertificate } from "../pki/certificate.ts";
import { formatPem } from "../pki/pem.ts";

/** Names of the certificate in the order of RFC 2253: the last first, on one line. */
function reversed(name: string): string {
  return name.split("\n").reverse().join(",");
}

export class PeerCertificate {
  readonly #der: Uint8Array;
  #parsed: Certificate | "malformed" | undefined;
  #names: { readonly subject: string; readonly issuer: string } | undefined;

  constructor(der: Uint8Array) {
    this.#der = der;
  }

  get #certificate(): Certificate | undefined {
    if (this.#parsed === undefined) {
      const parsed = parseCertificate(this.#der);
      this.#parsed = parsed.kind === "parsed" ? parsed.value : "malformed";
    }
    return this.#parsed === "malformed" ? undefined : this.#parsed;
  }

  #readNames(): { readonly subject: string; readonly issuer: string } {
    if (!this.#names) {
      const { subject, issuer } = new X509Certificate(this.#der);
      this.#names = { subject: reversed(subject ?? ""), issuer: reversed(issuer ?? "") };
    }
    return this.#names;
  }

  get subject(): string | undefined {
    return this.#readNames().subject || undefined;
  }

  get issuer(): string | undefined {
    return this.#readNames().issuer || undefined;
  }

  get serial(): string | undefined {
    return this.#certificate?.serial;
  }

  get uris(): readonly string[] {
    return this.#certificate?.altNames.uris ?? [];
  }

  get dnsNames(): readonly string[] {
    return this.#certificate?.altNames.dnsNames ?? [];
  }

  get notBeforeMs(): number | undefined {
    return this.#certificate?.notBeforeMs;
  }

  get notAfterMs(): number | undefined {
    return this.#certificate?.notAfterMs;
  }

  fingerprint(algorithm: "sha1" | "sha256"): string {
    return createHash(algorithm).update(this.#der).digest("hex");
  }

  /** PEM with everything but letters and digits percent-encoded, as Envoy writes it into headers and logs. */
  get pem(): string {
    return encodeURIComponent(formatPem("CERTIFICATE", this.#der));
  }
}
