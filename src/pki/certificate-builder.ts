// DER of a certificate from a template. What may stand in one is the authority's decision (src/ca); this only writes it down.
import { createHash, type KeyObject } from "node:crypto";
import { contextPrimitive, DerReader, TAG } from "./der-reader.ts";
import {
  bitString,
  booleanTrue,
  element,
  explicit,
  integer,
  namedBits,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  utf8String,
} from "./der-writer.ts";
import { OID } from "./oid.ts";
import { signatureAlgorithm, signBody } from "./signature.ts";

/** A certificate before it is signed. Nothing is checked: tests make broken ones with it. */
export interface CertificateTemplate {
  /** Unsigned octets; the first must not be 0 throughout. */
  readonly serial: Uint8Array;
  /** DER of the issuer's name: its certificate's `subject`. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKeyInfo: Uint8Array;
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  /** Present on an authority. */
  readonly authority?: { readonly pathLength?: number };
  /** Mask of KEY_USAGE. */
  readonly keyUsage: number;
  readonly extendedKeyUsage?: readonly string[];
  /** The issuer certificate's subjectKeyIdentifier, whichever way it was made: OpenSSL refuses the chain when they differ. */
  readonly issuerKeyIdentifier?: Uint8Array | undefined;
}

/** A name with one organization, as Istio writes roots and leaves; the empty name for "". */
export function organizationName(organization: string): Uint8Array {
  return organization === "" ? sequence() : sequence(setOf(sequence(oid(OID.organization), utf8String(organization))));
}

/** The signed certificate, DER. */
export function buildCertificate(template: CertificateTemplate, signer: KeyObject): Uint8Array {
  const algorithm = signatureAlgorithm(signer);
  const validity = sequence(time(template.notBeforeMs), time(template.notAfterMs));
  const body = sequence(
    explicit(0, integer(2)),
    integer(template.serial),
    algorithm,
    template.issuer,
    validity,
    template.subject,
    template.publicKeyInfo,
    explicit(3, sequence(...extensions(template))),
  );
  return sequence(body, algorithm, bitString(signBody(body, signer)));
}

/** RFC 7093 2 method 1: the leftmost 160 bits of the SHA-256 of the key, so that no SHA-1 is needed. */
export function keyIdentifier(publicKeyInfo: Uint8Array): Uint8Array {
  const info = new DerReader(publicKeyInfo).enter(TAG.sequence);
  info.whole(TAG.sequence);
  return createHash("sha256").update(info.bitString()).digest().subarray(0, 20);
}

function extensions(template: CertificateTemplate): readonly Uint8Array[] {
  const { authority, extendedKeyUsage = [], issuerKeyIdentifier } = template;
  const constraints = authority
    ? [booleanTrue(), ...(authority.pathLength === undefined ? [] : [integer(authority.pathLength)])]
    : [];
  const list = [
    extension(OID.keyUsage, true, namedBits(template.keyUsage)),
    extension(OID.basicConstraints, true, sequence(...constraints)),
    extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(template.publicKeyInfo))),
  ];
  if (extendedKeyUsage.length > 0)
    list.push(extension(OID.extendedKeyUsage, false, sequence(...extendedKeyUsage.map(oid))));
  if (issuerKeyIdentifier)
    list.push(
      extension(OID.authorityKeyIdentifier, false, sequence(element(contextPrimitive(0), issuerKeyIdentifier))),
    );
  const names = altNames(template);
  // RFC 5280 4.1.2.6: with an empty subject the alternative name is critical.
  if (names.length > 0) list.push(extension(OID.subjectAltName, template.subject.length === 2, sequence(...names)));
  return list;
}

function altNames({ uris, dnsNames = [] }: CertificateTemplate): readonly Uint8Array[] {
  return [
    ...uris.map((uri) => element(contextPrimitive(6), Buffer.from(uri))),
    ...dnsNames.map((name) => element(contextPrimitive(2), Buffer.from(name))),
  ];
}

function extension(name: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical ? sequence(oid(name), booleanTrue(), octetString(value)) : sequence(oid(name), octetString(value));
}
