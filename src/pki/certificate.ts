// X.509 certificates as plain data, read strictly (RFC 5280). What a field means for trust is decided in chain.ts and svid.ts.
import { createHash } from "node:crypto";
import { type CertificateExtensions, readExtensions } from "./certificate-extensions.ts";
import { contextConstructed, DerReader, TAG } from "./der-reader.ts";
import { attempt, MalformedError, type Parsed, unwrap } from "./parsed.ts";
import { formatPem, parsePem } from "./pem.ts";
import { readSigned, type SignedParts } from "./signature.ts";

/** A certificate that could be read: its signature and its validity are still unproven. */
export interface Certificate extends CertificateExtensions {
  readonly der: Uint8Array;
  readonly signed: SignedParts;
  /** Hexadecimal, lower case, without leading zeros. */
  readonly serial: string;
  /** DER of the names; two names are the same when their bytes are (RFC 5280 7.1 allows more, no authority needs it). */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly subjectEmpty: boolean;
  /** Milliseconds since 1970; both ends belong to the validity. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKeyInfo: Uint8Array;
}

/** 64 KiB, where a leaf of a mesh has 0.5 and a large public one 8. */
const MAX_CERTIFICATE_BYTES = 65_536;

/** 10, as OpenSSL's and Envoy's default depth allows: a mesh has a leaf and at most two intermediates. */
export const MAX_CHAIN_LENGTH = 10;

const EMPTY_NAME_LENGTH = 2;

/** Reads one certificate; the views in it keep `der` alive. */
export function parseCertificate(der: Uint8Array): Parsed<Certificate> {
  return attempt(() => {
    if (der.length > MAX_CERTIFICATE_BYTES)
      throw new MalformedError(`certificate of ${der.length} bytes is above the limit of ${MAX_CERTIFICATE_BYTES}`);
    const signed = readSigned(der);
    const tbs = new DerReader(signed.body).enter(TAG.sequence);
    readVersion(tbs);
    const serial = readSerial(tbs);
    // RFC 5280 4.1.1.2: the identifier inside of what is signed must be the one outside.
    if (!equalBytes(tbs.whole(TAG.sequence), signed.algorithm))
      throw new MalformedError("certificate names two signature algorithms");
    const issuer = tbs.whole(TAG.sequence);
    const validity = tbs.enter(TAG.sequence);
    const notBeforeMs = validity.time();
    const notAfterMs = validity.time();
    validity.expectEnd();
    const subject = tbs.whole(TAG.sequence);
    const publicKeyInfo = tbs.whole(TAG.sequence);
    const extensions = readExtensions(
      tbs.next(contextConstructed(3)) ? tbs.enter(contextConstructed(3)).enter(TAG.sequence) : undefined,
    );
    tbs.expectEnd();
    const subjectEmpty = subject.length === EMPTY_NAME_LENGTH;
    return {
      der,
      signed,
      serial,
      issuer,
      subject,
      subjectEmpty,
      notBeforeMs,
      notAfterMs,
      publicKeyInfo,
      ...extensions,
    };
  });
}

/** Reads PEM of 1 to `limit` certificates, in order. */
export function parseCertificates(pem: string, limit = MAX_CHAIN_LENGTH): Parsed<readonly Certificate[]> {
  return attempt(() => {
    const blocks = unwrap(parsePem(pem, "CERTIFICATE"));
    if (blocks.length > limit)
      throw new MalformedError(`${blocks.length} certificates are above the limit of ${limit}`);
    return blocks.map((block) => unwrap(parseCertificate(block.der)));
  });
}

/** One PEM block. */
export function certificatePem(certificate: Certificate): string {
  return formatPem("CERTIFICATE", certificate.der);
}

/** SHA-256 of the DER in lower-case hexadecimal: the name under which roots are added and retired. */
export function fingerprint(certificate: Certificate): string {
  return createHash("sha256").update(certificate.der).digest("hex");
}

/** Whether issuer and subject are the same name: a root, or a cross-signed or renewed authority. */
export function isSelfIssued(certificate: Certificate): boolean {
  return equalBytes(certificate.issuer, certificate.subject);
}

/** Whether two byte strings are the same. Not for secrets: it stops at the first difference. */
export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function readVersion(tbs: DerReader): void {
  const version = tbs.next(contextConstructed(0)) ? tbs.enter(contextConstructed(0)).smallInteger() : 0;
  if (version !== 2) throw new MalformedError(`certificate has version ${version + 1}, not 3`);
}

function readSerial(tbs: DerReader): string {
  const octets = tbs.integerBytes();
  // RFC 5280 4.1.2.2 says positive and at most 20 octets; 0 and 21 with a leading zero occur in the wild.
  if (octets.length > 21 || octets[0]! >= 0x80)
    throw new MalformedError("serial number is negative or longer than 20 octets");
  return Buffer.from(octets)
    .toString("hex")
    .replace(/^0+(?=.)/, "");
}
