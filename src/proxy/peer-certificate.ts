// The certificate that a client proved: who it is, and what logs show of it. Clients connect again with the certificate that they have, and
// reading it costs 50 µs: certificates are remembered by their bytes.

import { createHash, X509Certificate } from "node:crypto";
import { type Certificate, parseCertificate } from "../pki/certificate.ts";
import { formatPem } from "../pki/pem.ts";
import { svidIdentity } from "../pki/svid.ts";

/** Names of the certificate in the order of RFC 2253: the last first, on one line. */
function reversed(name: string): string {
  return name.split("\n").reverse().join(",");
}

export class PeerCertificate {
  readonly #der: Uint8Array;
  #parsed: Certificate | "malformed" | undefined;
  #principal: string | undefined;
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

  /** The SPIFFE id; "" when it breaks a rule of X.509-SVID's. */
  get principal(): string {
    if (this.#principal === undefined) {
      const identity = this.#certificate && svidIdentity(this.#certificate);
      this.#principal = identity?.kind === "parsed" ? identity.value.uri : "";
    }
    return this.#principal;
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

/** Of the clients of one proxy; a megabyte of certificates as a mesh makes them. */
const REMEMBERED = 1_024;
/** A larger one is no workload's of a mesh: a hostile authority could fill 64 MB with its own. */
const MAX_REMEMBERED_BYTES = 4_096;

const remembered = new Map<string, PeerCertificate>();

/** The same object for the same bytes, as long as it is remembered. */
export function peerCertificate(der: Uint8Array): PeerCertificate {
  if (der.length > MAX_REMEMBERED_BYTES) return new PeerCertificate(der);
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.length).toString("latin1");
  const known = remembered.get(bytes);
  if (known) return known;
  if (remembered.size >= REMEMBERED) remembered.clear();
  const certificate = new PeerCertificate(der);
  remembered.set(bytes, certificate);
  return certificate;
}
